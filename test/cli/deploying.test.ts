import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { wire } from '../../src/wire.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { hasty } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { type Case, cases, interrupted, startFailingUser } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

const over: (() => unknown)[] = []
let world: World
let customer: Customer
let user: User
let images: string[]

before(async () => {
  const end = { after: (end: unknown) => void over.push(end as () => unknown) } as Pick<TestContext, 'after'>
  world = await startWorld(end)
  customer = await world.tenant()
  user = await startUser(end, { url: world.url, token: customer.token })
  images = await Promise.all(['1', '2', '3', '4', '5'].map(version => world.machine.worker(version)))
  const { code, err } = await create(user, 'shop')
  assert.equal(code, 0, err)
})
after(async () => {
  for (const end of over.reverse()) await end()
})

async function create(of: User, name: string): Promise<{ code: number; err: string }> {
  const folder = await mkdtemp(join(of.home, 'made-'))
  const services = [worker(images[0] ?? '')]
  await writeFile(join(folder, 'x.json'), JSON.stringify(wire({ name, services, policies: hasty })))
  const called = await of.call(`instances create -f ${join(folder, 'x.json')}`)
  await rm(folder, { recursive: true })
  return called
}

/** Nobody it could find: a user of a tenant that has nothing. */
async function stranger(t: Pick<TestContext, 'after'>): Promise<User> {
  return await startUser(t, { url: world.url, token: (await world.tenant()).token })
}

/** A case that ends with this code, and says this on stderr. */
function says(call: (t: TestContext) => PromiseLike<{ code: number; err: string }>, code: number, text: RegExp): Case {
  return async t => {
    const called = await call(t)
    assert.match(called.err, text)
    assert.equal(called.code, code, called.err)
  }
}

const broken = (line: string): Case => says(async t => await (await startFailingUser(t)).call(line), 1, /\(connection_/)
const stopped = (line: string): Case => says(t => interrupted(t, line), 130, /✖ Interrupted: nothing was changed\./)
const absent = (line: string): Case =>
  says(
    async t => await (await stranger(t)).call(line),
    5,
    /^✖ .*(There is no instance|No deployment runs|None of the last)/,
  )

/** A canary that waits at a pause, whatever a test before left behind; its id. */
async function paused(image: number): Promise<string> {
  const steps = JSON.stringify([{ weight: 50, pause: true, holdSeconds: 0 }])
  const { code, err, out } = await user.call([
    ...`deploy shop --image ${images[image]} --strategy canary --until pause --timeout 60s --supersede --json`.split(
      ' ',
    ),
    '--option',
    `steps=${steps}`,
  ])
  assert.equal(code, 9, err)
  return (JSON.parse(out.split('\n')[0] ?? '') as { deployment_id: string }).deployment_id
}

cases('plan', {
  happy: async () => {
    const line = `plan shop --image worker=${images[1]}`
    const { code, out, err } = await user.call(`${line} --exit-code`)
    assert.deepEqual([code, err], [10, ''])
    assert.match(
      out,
      /^shop \(t\d+\) {2}v1 → new release {2}rolling\n\n {2}~ {2}worker {2}image +file:\S+ → file:\S+\n/,
    )
    assert.match(out, /\n {2}1 {2}\S/)
    const { out: json } = await user.call(`${line} --json`)
    assert.equal((JSON.parse(json) as { strategy: string }).strategy, 'rolling')
  },
  empty: says(() => user.call(`plan shop --image ${images[0]} --exit-code`), 0, /^Nothing would change: shop/),
  refused: says(() => user.call('plan shop'), 2, /Name it: {2}--image IMAGE/),
  failed: broken('plan shop --image x'),
  interrupted: stopped('plan shop --image x'),
})

cases('deploy', {
  happy: async () => {
    const { code, out, err } = await user.call(`deploy shop --image ${images[1]} --notes "the second"`, {
      env: { GITHUB_SHA: 'abc123' },
    })
    assert.deepEqual([code, out], [0, ''], err)
    assert.match(masked(err), /hh:mm:ss step \d\//)
    assert.match(masked(err), /\nhh:mm:ss SUCCEEDED: Done after \d+s: v2 serves\.\n$/)
    const [{ notes, commit_sha }] = (await customer.send('GET', '/v1/deployments')).body.items
    assert.deepEqual([notes, commit_sha], ['the second', 'abc123'])
  },
  empty: absent('deploy nothing --image x'),
  refused: says(() => user.call(`deploy shop --image ${images[1]} --expect-release v1`), 6, /\(stale_release, req_/),
  failed: broken('deploy shop --image x'),
  interrupted: async t => {
    const call = user.call([
      'deploy',
      'shop',
      '--image',
      images[2] ?? '',
      '--strategy',
      'canary',
      '--option',
      `steps=[{"weight":50,"pause":true,"holdSeconds":0}]`,
    ])
    t.after(() => call.interrupt())
    await call.told('PAUSED')
    call.interrupt()
    const { code, err } = await call
    assert.equal(code, 130)
    assert.match(masked(err), /\nDetached\. Still running: slipway watch dep_1 {3}Stop it: slipway cancel dep_1\n$/)
    const done = await user.call('cancel')
    assert.equal(done.code, 0, done.err)
  },
})

cases('watch', {
  happy: async t => {
    const id = await paused(2)
    const call = user.call(`watch ${id} --json`)
    t.after(() => call.interrupt())
    const promoted = await user.call(`promote ${id.slice(-8)}`)
    assert.equal(promoted.code, 0, promoted.err)
    const { code, out } = await call
    assert.equal(code, 0)
    const types = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        .map(line => (JSON.parse(line) as { type: string }).type)
    assert.equal(types(out).at(-1), 'deploy.succeeded')
    const later = await user.call(`watch ${id} --json`)
    assert.equal(later.code, 0)
    const told = types(later.out)
    assert.equal(told[0], 'release.created')
    assert.equal(told.at(-1), 'deploy.succeeded')
    assert.deepEqual(
      told.slice(-types(out).length),
      types(out),
      'of one that has ended the same events, and those before',
    )
    // Without an id it is the one that runs, whatever waits behind it.
    const first = await paused(3)
    const { out: behind } = await user.call(`deploy shop --image ${images[4]} --detach`)
    const running = await user.call('watch --until pause')
    assert.equal(running.code, 9, running.err)
    assert.match(running.err, new RegExp(first, 'u'))
    assert.equal((await user.call('cancel')).code, 2, 'who stops something says which')
    for (const one of [behind.trim(), first]) assert.equal((await user.call(`cancel ${one} --json`)).code, 0)
    const cancelled = await user.call(`watch ${first} --json`)
    assert.deepEqual([cancelled.code, types(cancelled.out).at(-1)], [7, 'deploy.cancelled'])
  },
  empty: absent('watch'),
  refused: says(() => user.call('watch --until never'), 2, /^✖ Option '--until <what>' argument 'never' is invalid/),
  failed: broken('watch dep_00000000000000000000000000'),
  interrupted: stopped('watch'),
})

cases('promote', {
  happy: async () => {
    const id = await paused(3)
    const { code, out } = await user.call(`promote --detach`)
    assert.deepEqual([code, out], [0, `${id}\n`])
    assert.equal((await user.call(`watch ${id}`)).code, 0)
  },
  empty: absent('promote'),
  refused: async () => {
    const id = await paused(4)
    assert.match((await user.call(`promote ${id} --gate other`)).err, /\(not_paused, req_/)
    // Waiting that times out leaves it alone.
    const late = await user.call(`watch ${id} --timeout 1s`)
    assert.equal(late.code, 124, late.err)
    const { code, err } = await user.call(`cancel ${id} --timeout 10m --json`)
    assert.equal(code, 0, err)
  },
  failed: broken('promote'),
  interrupted: says(
    t => interrupted(t, 'promote dep_00000000000000000000000000'),
    130,
    /may have been done all the same/,
  ),
})

cases('pause', {
  happy: async () => {
    const id = await paused(4)
    const asked = await user.call('pause --json')
    assert.equal((JSON.parse(asked.out) as { id: string }).id, id)
    const resumed = await user.call('resume')
    assert.match(masked(resumed.err), /^dep_1 goes on\./)
    assert.equal((await user.call('cancel')).code, 0)
  },
  empty: absent('pause'),
  refused: says(async () => user.call(`pause ${await lastId()}`), 6, /\(already_ended, req_/),
  failed: broken('pause'),
  interrupted: stopped('pause'),
})

cases('resume', {
  happy: { none: 'told with pause' },
  empty: absent('resume'),
  refused: says(async () => user.call(`resume ${await lastId()}`), 6, /\(already_ended, req_/),
  failed: broken('resume'),
  interrupted: stopped('resume'),
})

cases('cancel', {
  happy: async () => {
    const id = await paused(4)
    const { code, err } = await user.call('cancel')
    assert.equal(code, 0, err)
    assert.equal((await customer.send('GET', `/v1/deployments/${id}`)).body.state, 'cancelled')
    assert.equal((await user.call(`watch ${id}`)).code, 7)
  },
  empty: absent('cancel'),
  refused: says(async () => user.call(`cancel ${await lastId()}`), 6, /\(already_ended, req_/),
  failed: broken('cancel'),
  interrupted: stopped('cancel'),
})

cases('retry', {
  happy: async () => {
    const { code, err } = await user.call(`retry ${await lastId()} --detach`)
    assert.equal(code, 0, err)
    assert.match(masked(err), /^dep_1 does again what dep_2 was asked for\./)
    assert.equal((await user.call('cancel')).code, 0)
  },
  empty: absent('retry zzzzzzzz'),
  refused: says(async () => user.call(`retry ${(await ids('succeeded'))[0]}`), 6, /\(not_retryable, req_/),
  failed: broken('retry zzzzzzzz'),
  interrupted: stopped('retry zzzzzzzz'),
})

cases('rollback', {
  happy: async () => {
    const { code, err } = await user.call('rollback shop v1 --notes "was better"')
    assert.equal(code, 0, err)
    assert.match(masked(err), /^dep_1 {2}v\d+ → v1\n {2}~ {2}worker {2}image +file:\S+ → file:\S+\n/)
  },
  empty: absent('rollback nothing'),
  refused: says(() => user.call('rollback shop v99'), 5, /shop has no release "v99"\.\n {2}See those it has/),
  failed: broken('rollback shop'),
  interrupted: stopped('rollback shop'),
})

test('a deployment that fails ends with 8 when what served before was restored', async () => {
  const services = [{ ...worker(images[0] ?? ''), before: ['sh', '-c', '! grep -q bad run'] }]
  const file = join(user.home, 'kiosk.json')
  await writeFile(file, JSON.stringify(wire({ name: 'kiosk', services, policies: hasty })))
  assert.equal((await user.call(`instances create -f ${file}`)).code, 0)
  const { code, err } = await user.call(`deploy kiosk --image ${await world.machine.worker('bad')}`)
  assert.match(masked(err), /FAILED, RESTORED: Failed after \d+s, v1 serves again: The task before worker .*\n$/)
  assert.equal(code, 8)
})

async function ids(state: string): Promise<string[]> {
  const { items } = (await customer.send('GET', `/v1/deployments?state=${state}&kind=deploy`)).body
  return (items as { id: string }[]).map(({ id }) => id)
}

async function lastId(): Promise<string> {
  return (await ids('cancelled'))[0] ?? ''
}
