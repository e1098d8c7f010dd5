import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { audience, type LocalIssuer, startIssuer } from '../auth/oidc/issuer.ts'
import { root, textOf } from '../docs/markdown.ts'
import { startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'

interface Action {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean }>>
  readonly runs: {
    readonly using: string
    readonly steps: readonly { readonly run?: string; readonly env?: Readonly<Record<string, string>> }[]
  }
}

const action = parse(textOf('action.yml')) as Action
const step = action.runs.steps.find(({ run }) => run !== undefined)

test('no input of the action becomes part of a script, and each of them is used', () => {
  const lines = action.runs.steps.flatMap(({ run }) => run ?? [])
  for (const line of lines) assert.doesNotMatch(line, /\$\{\{/)
  const used = Object.values(step?.env ?? {}).map(value => /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1])
  assert.deepEqual(new Set(used), new Set(Object.keys(action.inputs)))
})

describe('a job that deploys by who it is', () => {
  const over: (() => unknown)[] = []
  let issuer: LocalIssuer
  let world: World
  /** What GitHub's runner offers a job that may prove who it is. */
  let runner: { url: string; claims: Record<string, unknown> }
  before(async () => {
    issuer = await startIssuer()
    over.push(() => issuer.close())
    const rules = [{ match: { repository: 'acme/shop' }, tenant: 't1', scopes: ['deploy' as const] }]
    const machine = await startMachine({ oidc: [{ issuer: issuer.url, audience, rules }] })
    over.push(() => machine.dispose())
    world = await startWorld({ after: end => void over.push(end as () => unknown) }, {}, machine)
    const claims: Record<string, unknown> = {}
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const asked = new URL(request.url ?? '', 'http://runner')
      const allowed = request.headers.authorization === 'Bearer of-this-job'
      response.writeHead(allowed ? 200 : 401, { connection: 'close' })
      response.end(
        JSON.stringify(
          allowed ? { value: await issuer.token({ aud: asked.searchParams.get('audience'), ...claims }) } : {},
        ),
      )
    }
    const server = createServer((request, response) => void answer(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    over.push(() => server.close())
    runner = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2`, claims }
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  async function job(t: { after(end: () => void): void }, inputs: Readonly<Record<string, string>>) {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-job-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [output, summary] = [join(folder, 'output'), join(folder, 'summary')]
    writeFileSync(output, '')
    writeFileSync(summary, '')
    const child = spawn(process.execPath, [join(root, 'action/deploy.mjs')], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        CI: 'true',
        GITHUB_ACTIONS: 'true',
        GITHUB_SHA: '0123456789012345678901234567890123456789',
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        ACTIONS_ID_TOKEN_REQUEST_URL: runner.url,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-this-job',
        SLIPWAY_COMMAND: `${process.execPath} ${join(root, 'bin/slipway.js')}`,
        SLIPWAY_URL: world.url,
        SLIPWAY_OIDC_AUDIENCE: audience,
        TIMEOUT: '2m',
        ...inputs,
      },
    })
    let told = ''
    child.stdout.on('data', chunk => (told += String(chunk)))
    child.stderr.on('data', chunk => (told += String(chunk)))
    const [code] = (await once(child, 'close')) as [number]
    return { code, told, output: readFileSync(output, 'utf8'), summary: readFileSync(summary, 'utf8') }
  }

  test('needs no secret, follows the rollout to its end, and says what it made', async t => {
    const tenant = await world.tenant()
    assert.equal(tenant.id, 't1')
    const acting = world.machine.slipway.as({ tenantId: tenant.id, subject: 'ana' })
    const services = [worker(await world.machine.worker('1'))]
    const { instance, deployment } = await acting.instances.create({ name: 'shop', services })
    await acting.finished(deployment.id)
    const images = `  worker=${await world.machine.worker('2')}\n\n`
    const { code, told, output, summary } = await job(t, {
      INSTANCE: 'shop',
      IMAGES: images,
      NOTES: 'by "the" job; $HOME',
    })
    assert.equal(code, 0, told)
    const [, id = '', release = ''] = /^deployment=(dep_\w+)\nrelease=(rel_\w+)\n$/.exec(output) ?? []
    const made = await acting.getDeployment(id)
    assert.deepEqual(
      [made.state, made.releaseId, made.notes, made.commitSha, made.initiator],
      [
        'succeeded',
        release,
        'by "the" job; $HOME',
        '0123456789012345678901234567890123456789',
        'repo:acme/shop:ref:refs/heads/main',
      ],
    )
    assert.match(summary, /succeeded/)

    const broken = await job(t, { INSTANCE: 'shop', IMAGES: `worker=file:${join(tmpdir(), 'nowhere')}` })
    assert.equal(broken.code, 2, broken.told)
    assert.deepEqual([broken.output, broken.summary], ['', ''])
    assert.match(broken.told, /image_unavailable/)
    assert.equal((await acting.instances.get(instance.id)).currentReleaseId, release)
  })

  test('of another repository is refused, and says why', async t => {
    runner.claims['repository'] = 'evil/shop'
    t.after(() => void delete runner.claims['repository'])
    const { code, told, output } = await job(t, { INSTANCE: 'shop', IMAGES: 'worker=file:.' })
    assert.equal(code, 4, told)
    assert.equal(output, '')
    assert.match(told, /wants another repository than \\?"evil\/shop/)
  })

  test('without the permission is told to ask for it', async t => {
    const { code, told } = await job(t, {
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-another',
      INSTANCE: 'shop',
      IMAGES: 'worker=file:.',
    })
    assert.equal(code, 4, told)
    assert.match(told, /id-token: write/)
  })
})
