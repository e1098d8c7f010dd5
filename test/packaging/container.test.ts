import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type Client, createClient } from '../../src/client/index.ts'
import { root } from '../docs/markdown.ts'
import { type Docker, noDocker, startDocker } from '../support/docker.ts'
import { until } from '../support/until.ts'
import { packedPackage } from './npm.ts'

const run = promisify(execFile)

test('the Containerfile makes an image that serves, ends in time, and keeps what is in its volume', {
  skip: noDocker,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-container-'))
  const tag = `slipway-test-${process.pid}`
  const docker = await startDocker()
  t.after(async () => {
    await docker.run(['rm', '--force', tag]).catch((error: unknown) => void error) // because it may never have been made
    await docker.run(['network', 'rm', tag]).catch((error: unknown) => void error) // the same
    await docker.run(['volume', 'rm', '--force', tag])
    await docker.run(['image', 'rm', '--force', tag, `${tag}-base`, `${tag}-shop`])
    await docker.dispose()
    rmSync(folder, { recursive: true })
  })
  const image = join(folder, 'image')
  await run(process.execPath, [join(root, 'scripts/image.ts'), image, await packedPackage()])
  const base = await importBase(docker, folder, `${tag}-base`)
  await build(docker, image, tag, ['--file', join(root, 'packaging/Containerfile'), '--build-arg', `BASE=${base}`])
  const once = ['run', '--rm', '--network=none', tag]
  assert.match(await docker.run([...once, '--version']), /^slipway \d/)
  assert.deepEqual(
    readdirSync(join(image, 'node_modules')).filter(name => name === 'typescript'),
    [],
  )

  await build(docker, shopIn(folder, tag), `${tag}-shop`)
  await docker.run(['network', 'create', tag])
  const first = await start(docker, tag)
  const token = await until('it has told its token', async () => /slip_\w+/.exec(await docker.run(['logs', tag]))?.[0])
  const client = createClient({ url: first, token })
  assert.equal((await client.whoami()).operator, true)
  const { instance, deployment, last_event_id } = await client.instances.create(
    {
      name: 'shop',
      services: [
        {
          name: 'web',
          image: 'file:/shop',
          ports: [{ name: 'http' }],
          expose: true,
          health_check: { type: 'http', min_healthy_ms: 0, interval_ms: 500 },
        },
      ],
    },
    { tenant: 'acme' },
  )
  const ended = await client.deployments.finished({ id: deployment.id, last_event_id }, { tenant: 'acme' })
  assert.equal(ended.state, 'succeeded', ended.error)
  assert.equal(await asked(docker, tag, await addressOf(client, instance.id)), 'the shop')

  await docker.run(['stop', '--timeout', '30', tag])
  assert.equal((await docker.run(['inspect', '--format', '{{.State.ExitCode}}', tag])).trim(), '0')
  await docker.run(['rm', tag])

  const again = createClient({ url: await start(docker, tag), token })
  assert.equal((await again.instances.get(instance.id, { tenant: 'acme' })).name, 'shop')
  const back = await until('the shop is back', async () => {
    try {
      return await asked(docker, tag, await addressOf(again, instance.id))
    } catch (error) {
      void error // because it is on its way
      return undefined
    }
  })
  assert.equal(back, 'the shop')
})

async function build(docker: Docker, folder: string, tag: string, more: readonly string[] = []): Promise<void> {
  await docker.run(['build', ...more, '--tag', tag, folder])
}

/** Starts it as the Containerfile says, with what it keeps in a volume; where it can be asked. */
async function start(docker: Docker, tag: string): Promise<string> {
  const named = ['run', '--detach', '--init', '--name', tag, '--network', tag]
  await docker.run([...named, '--publish', '127.0.0.1::7420', '--volume', `${tag}:/data`, `${tag}-shop`])
  return await until('it listens', async () => {
    const [published] = (await docker.run(['port', tag, '7420'])).split('\n')
    const url = `http://${published}`
    const answer = await fetch(`${url}/healthz`).catch((error: unknown) => void error) // because it does not listen yet
    return answer?.ok ? url : undefined
  })
}

/** The image with a small shop in it: what a container deploys has to be in one. */
function shopIn(folder: string, tag: string): string {
  const at = join(folder, 'shop')
  mkdirSync(at)
  writeFileSync(join(at, 'Dockerfile'), `FROM ${tag}\nCOPY shop /shop\n`)
  mkdirSync(join(at, 'shop'))
  writeFileSync(join(at, 'shop/package.json'), '{ "scripts": { "start": "node shop.js" } }')
  writeFileSync(
    join(at, 'shop/shop.js'),
    `require('node:http').createServer((request, response) => response.end('the shop')).listen(process.env.PORT)`,
  )
  return at
}

async function addressOf(client: Client, id: string): Promise<string> {
  return (await client.instances.get(id, { tenant: 'acme' })).urls['web'] ?? ''
}

/** What a service answers: inside, where it listens. */
async function asked(docker: Docker, container: string, url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then(answer => answer.text()).then(text => process.stdout.write(text))`
  return await docker.run(['exec', container, 'node', '-e', script])
}

/** A base without a registry: Node, a shell, and the libraries they are linked to, as the root folder of an image. */
async function importBase(docker: Docker, folder: string, tag: string): Promise<string> {
  const at = join(folder, 'root')
  const copy = (from: string, to = from): void => {
    mkdirSync(join(at, dirname(to)), { recursive: true })
    copyFileSync(from, join(at, to))
  }
  copy(process.execPath, '/usr/bin/node')
  copy('/bin/sh', '/usr/bin/sh')
  symlinkSync('usr/bin', join(at, 'bin'))
  const { stdout: linked } = await run('ldd', [process.execPath, '/bin/sh'])
  for (const library of new Set([...linked.matchAll(/(\/\S+) \(0x/g)].map(([, file = '']) => file))) copy(library)
  mkdirSync(join(at, 'tmp'))
  chmodSync(join(at, 'tmp'), 0o1777)
  const archive = join(folder, 'root.tar')
  await run('tar', ['-cf', archive, '-C', at, '.'])
  await docker.run(['import', '--change', 'ENV PATH=/usr/bin', archive, tag])
  return tag
}
