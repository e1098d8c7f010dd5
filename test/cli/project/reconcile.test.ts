import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Act, perform, removedBy, waitsForSuccess } from '../../../src/cli/project/act.ts'
import { describe as described } from '../../../src/cli/project/describe.ts'
import { parseProject } from '../../../src/cli/project/parse.ts'
import { readProject } from '../../../src/cli/project/read.ts'
import { reconcile } from '../../../src/cli/project/reconcile.ts'
import { type Client, createClient, type OneInstance } from '../../../src/client/index.ts'
import { startWorld, type World } from '../../server/world.ts'

const told = (acts: readonly Act[]) => acts.flatMap(described)
const kinds = (acts: readonly Act[]) => acts.map(({ kind }) => kind)
const check = 'health_check: { type: http, path: /healthz, min_healthy_ms: 0, interval_ms: 100 }'

describe('an instance is brought to its file', () => {
  let world: World
  let client: Client
  let images: { web: string; newer: string; worker: string }
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    const { token } = await world.tenant()
    client = createClient({ url: world.url, token })
    const { machine } = world
    images = { web: await machine.server('1'), newer: await machine.server('2'), worker: await machine.worker('1') }
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  const project = (text: string) => parseProject(`name: shop\n${text}`)
  const web = (image: string, more = '') =>
    `  - { name: web, image: '${image}', ports: [{ name: http }], ${check}${more} }\n`
  const api = (more = '') =>
    `  - { name: api, image: '${images.web}', ports: [{ name: http }], ${check}, env: { LEVEL: info }${more} }\n`
  const worker = () =>
    `  - { name: worker, image: '${images.worker}', health_check: { type: command, command: ['true'], min_healthy_ms: 0 } }\n`

  /** Performs acts as `deploy -f` does: each after the one before, and what waits for success after that. */
  async function performAll(acts: readonly Act[], id?: string): Promise<OneInstance> {
    let instanceId = id
    for (const act of acts) {
      const { kind, answer } = await perform(act, client, { id: instanceId })
      if (kind === 'update' || kind === 'expose') continue
      if (kind === 'create') instanceId = answer.instance.id
      const { id: deployment } = kind === 'create' ? answer.deployment : answer
      const { state, error } = await client.deployments.finished(deployment)
      assert.equal(state, 'succeeded', error)
    }
    return await client.instances.get(instanceId ?? '')
  }

  test('from nothing to all that it says, and every difference is an act that is told before it is done', async t => {
    const first = project(`services:\n${web(images.web, ', expose: true, replicas: 2')}${worker()}`)
    const creation = reconcile(first, undefined)
    assert.deepEqual(told(creation), [
      'creates shop',
      `  adds web: ${images.web} × 2`,
      `  adds worker: ${images.worker}`,
    ])
    const created = await performAll(creation)
    assert.equal(created.expose, 'web')

    const again = reconcile(first, created)
    assert.deepEqual(told(again), ['deploys it again: the file says what is declared, images may have changed'])

    const second = project(
      `hosts: [shop.example.com]\npolicies: { drain_ms: 5000 }\nservices:\n${web(images.newer, ', replicas: 1')}${api(', expose: true')}`,
    )
    const acts = reconcile(second, created)
    assert.deepEqual(told(acts), [
      'changes hosts to shop.example.com',
      'changes policy drain_ms to 5000',
      `adds api: ${images.web}`,
      `changes web: image ${images.web} to ${images.newer}`,
      'removes worker: its data stays until the instance is deleted',
      'scales web to 1',
      'exposes api, once it is there',
    ])
    assert.deepEqual(removedBy(acts), ['worker'])
    assert.deepEqual(acts.map(waitsForSuccess), [false, false, false, true])
    const now = await performAll(acts, created.id)
    assert.deepEqual(
      [now.expose, now.hosts, now.policies, now.services.map(({ name, replicas }) => [name, replicas])],
      [
        'api',
        ['shop.example.com'],
        { drain_ms: 5000 },
        [
          ['web', 1],
          ['api', 1],
        ],
      ],
    )
    assert.deepEqual(kinds(reconcile(second, now)), ['deploy'])

    await t.test('a service that comes back has the count of the file, not the one it left with', async () => {
      const third = project(
        `services:\n${web(images.newer)}${api(', expose: true')}${worker().replace(' }\n', ', replicas: 2 }\n')}`,
      )
      const back = reconcile(third, now)
      assert.deepEqual(told(back).slice(1), ['scales worker to 2, once it is there'])
      const done = await performAll(back, now.id)
      assert.equal(done.services.find(({ name }) => name === 'worker')?.replicas, 2)
      assert.deepEqual(kinds(reconcile(third, done)), ['deploy'])
    })

    await t.test(
      'what the file says nothing of stays: hosts, policies, and counts that were scaled by hand',
      async () => {
        const silent = project(`services:\n${web(images.newer)}${api(', expose: true')}`)
        const scaled = { ...now, services: now.services.map(service => ({ ...service, replicas: 7 })) }
        assert.deepEqual(kinds(reconcile(silent, scaled)), ['deploy'])
      },
    )

    await t.test('somebody else who changed it meanwhile is not overwritten', async () => {
      const stale = await client.instances.get(now.id)
      await client.instances.update(await client.instances.get(now.id), { hosts: ['other.example.com'] })
      const [update] = reconcile(second, { ...stale, hosts: [] })
      assert.equal(update?.kind, 'update')
      await assert.rejects(perform({ ...update, from: stale }, client, { id: now.id }), { code: 'precondition_failed' })
    })

    await t.test(
      'no exposed service in the file is none on the server, and one that is removed needs no telling',
      () => {
        const none = reconcile(project(`services:\n${web(images.newer)}${api()}`), { ...now, expose: 'api' })
        assert.equal(told(none)[0], 'exposes no service')
        const gone = reconcile(project(`services:\n${web(images.newer)}`), { ...now, expose: 'api' })
        assert.deepEqual(kinds(gone), ['deploy'])
      },
    )

    await t.test('another provider is refused: an instance stays where it was made', () => {
      assert.throws(() => reconcile(project(`provider: moon\nservices:\n${web(images.web)}`), now), {
        code: 'instance_state',
      })
    })

    await t.test(
      'values of env are not told, only that they changed, and options go with the strategy they are of',
      () => {
        const text = `strategy: canary\noptions: { holdSeconds: 1 }\nservices:\n${web(images.newer)}${api().replace('info', 'hush')}`
        const [plain] = reconcile(project(text), now).filter(({ kind }) => kind === 'deploy')
        assert.deepEqual(plain && described(plain), ['changes api: env.LEVEL'])
        const [other] = reconcile(project(text), now, { strategy: 'rolling' }).filter(({ kind }) => kind === 'deploy')
        assert.ok(plain?.kind === 'deploy' && other?.kind === 'deploy')
        assert.deepEqual(plain.request.options, { holdSeconds: 1 })
        assert.equal(other.request.options, undefined)
      },
    )
  })
})

describe('a project file is found', () => {
  test('in the folder one is in, above it, or where -f says; images are told from where it stands', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-project-'))
    t.after(() => rm(folder, { recursive: true }))
    const below = join(folder, 'a', 'b')
    await mkdir(below, { recursive: true })
    const read = async (cwd: string, path?: string) => await readProject(path, { cwd, env: { TAG: '1' } })
    await assert.rejects(read(below), { code: 'not_found', message: /There is no slipway\.yaml in .*a\/b, nor in/ })
    await assert.rejects(read(below, 'x.yaml'), { code: 'not_found', message: /There is no file .*a\/b\/x\.yaml\.$/ })

    const services = 'services: [{ name: web, image: "file:./web-${TAG}" }, { name: db, image: "npm:db@1" }]\n'
    await writeFile(join(folder, 'slipway.yaml'), `name: shop\n${services}`)
    const found = await read(below)
    assert.equal(found.shown, '../../slipway.yaml')
    assert.deepEqual(
      found.project.services.map(({ image }) => image),
      [`file:${join(folder, 'web-1')}`, 'npm:db@1'],
    )
    assert.equal((await read(below, '../..')).path, found.path)

    await writeFile(join(below, 'slipway.yaml'), 'nam: shop\n')
    await assert.rejects(read(below), /slipway\.yaml has 3 faults\./)
    await writeFile(join(below, 'latin.yaml'), Buffer.from([0x6e, 0xff]))
    await assert.rejects(read(below, 'latin.yaml'), {
      code: 'invalid_request',
      message: /^latin\.yaml cannot be read: /,
    })
  })
})
