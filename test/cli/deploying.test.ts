import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { wire } from '../../src/wire.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { hasty } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { cases, failsAt, stopsAt, stopsAtChange, type Way } from './cases.ts'
import { type Called, masked, seen, startUser, type User } from './world.ts'

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

/** What is told of somebody who asks about nothing that is there. */
const absent =
  (line: string, err: string): Way =>
  async t => {
    assert.deepEqual(await (await stranger(t)).call(line), { code: 5, out: '', err })
  }

const noShop = '✖ There is no instance "nothing".\n  See what there is:  slipway ps\n  (not_found)\n'
const noneRuns = '✖ No deployment runs.\n  See the last ones:  slipway releases INSTANCE\n  (not_found)\n'
const noneEnds = '✖ None of the last 200 deployments ends in "zzzzzzzz".\n  See what runs:  slipway ps\n  (not_found)\n'

/** The first questions: for an instance by its name, for a deployment that runs. */
const lookup = 'GET /v1/instances?q=shop&limit=200'
const running = 'GET /v1/deployments?state=active&limit=200'
const dep = 'dep_00000000000000000000000000'

/** What is told, with the images and revisions by their places. */
const told = (called: Called): Called =>
  seen(
    {
      ...called,
      out: called.out
        .replaceAll(/\bsha256:[0-9a-f]{64}/g, 'sha256:DIGEST')
        .replaceAll(/(?<= worker )[0-9a-f]{6}\b/g, 'REVISION'),
    },
    Object.fromEntries(images.map((image, at) => [image, `IMAGE_${at + 1}`])),
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
    assert.deepEqual(told(await user.call(`${line} --exit-code`)), {
      code: 10,
      out: `shop (acme)  v1 → new release  rolling

  ~  worker  image   IMAGE_1 → IMAGE_2
  ~  worker  digest  sha256:DIGEST → sha256:DIGEST

  1  prepare worker
  2  run 1 of worker REVISION
  3  retire worker REVISION to 0
`,
      err: '',
    })
    assert.equal((await user.call(line)).code, 0)
    const { out: json } = await user.call(`${line} --json`)
    assert.equal((JSON.parse(json) as { strategy: string }).strategy, 'rolling')
  },
  empty: async () => {
    assert.deepEqual(told(await user.call(`plan shop --image ${images[0]} --exit-code`)), {
      code: 0,
      out: 'shop (acme)  v1 → new release  rolling\n',
      err: 'Nothing would change: shop is like this already.\n',
    })
  },
  refused: async () => {
    assert.deepEqual(await user.call('plan shop'), {
      code: 2,
      out: '',
      err: `✖ Nothing is named that should be deployed.
  Name it:  --image IMAGE
  (no_image)
`,
    })
    assert.deepEqual(seen(await user.call('plan shop --image nowhere:1')), {
      code: 2,
      out: '',
      err: `✖ The image "nowhere:1" names neither a folder nor a package.
  Name the folder to run, such as file:./api-1.2, or a package of npm, such as npm:http-server@14.1.1.
  (image_unavailable, req_1)
`,
    })
    assert.deepEqual(await user.call('plan shop --image other=x --option steps'), {
      code: 2,
      out: '',
      err: `✖ --option steps is not a name and a value.
  It looks like:  --option hold-seconds=30
  (bad_option)
`,
    })
  },
  failed: failsAt('plan shop --image x', lookup),
  interrupted: stopsAt('plan shop --image x'),
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
  empty: absent('deploy nothing --image x', noShop),
  refused: async () => {
    assert.deepEqual(seen(await user.call(`deploy shop --image ${images[1]} --expect-release v1`)), {
      code: 6,
      out: '',
      err: `✖ Release rel_00000000000000000000000001 is not the active one: rel_00000000000000000000000002 is.
  Look at what changed, then deploy again.
  (stale_release, req_1)
`,
    })
    assert.deepEqual(await user.call('deploy shop -f slipway.yaml'), {
      code: 2,
      out: '',
      err: `✖ The file names its instance itself.
  Give one of them:  slipway deploy INSTANCE --image …   or   slipway deploy -f FILE
  (usage)
`,
    })
    assert.deepEqual(seen(await user.call(`deploy shop --image ${images[1]} --strategy sideways`)), {
      code: 2,
      out: '',
      err: `✖ No strategy named "sideways" is registered.
  Registered are: rolling, blue-green, canary, recreate.
  (unknown_strategy, req_1)
`,
    })
  },
  failed: failsAt('deploy shop --image x', lookup),
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
    await stopsAtChange(t, user, 'deploy shop --image x', 'Look:  slipway ps shop')
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
  empty: absent('watch', noneRuns),
  refused: async () => {
    assert.deepEqual(await user.call('watch --until never'), {
      code: 2,
      out: '',
      err: `✖ Option '--until <what>' argument 'never' is invalid. Allowed choices are end, pause.
  See:  slipway watch --help
  (usage)
`,
    })
    assert.deepEqual(await user.call('watch --timeout 8d'), {
      code: 2,
      out: '',
      err: `✖ Option '--timeout <time>' argument '8d' is invalid. It is at least 1s and at most 7d.
  See:  slipway watch --help
  (usage)
`,
    })
    assert.deepEqual(seen(await user.call(`watch ${dep}`)), {
      code: 5,
      out: '',
      err: `✖ There is no deployment "dep_00000000000000000000000001".
  See what runs:  slipway ps
  (not_found, req_1)
`,
    })
  },
  failed: failsAt(`watch ${dep}`, 'GET /v1/deployments/dep_1'),
  interrupted: stopsAt('watch'),
})

cases('promote', {
  happy: async () => {
    const id = await paused(3)
    const { code, out } = await user.call(`promote --detach`)
    assert.deepEqual([code, out], [0, `${id}\n`])
    assert.equal((await user.call(`watch ${id}`)).code, 0)
  },
  empty: absent('promote', noneRuns),
  refused: async () => {
    const id = await paused(4)
    assert.deepEqual(seen(await user.call(`promote ${id} --gate other`)), {
      code: 6,
      out: '',
      err: `✖ Deployment dep_00000000000000000000000001 waits at "50%", not at "other".
  Promote "50%".
  (not_paused, req_1)
`,
    })
    // Waiting that times out leaves it alone.
    const late = await user.call(`watch ${id} --timeout 1s`)
    assert.equal(late.code, 124, late.err)
    const { code, err } = await user.call(`cancel ${id} --timeout 10m --json`)
    assert.equal(code, 0, err)
  },
  failed: failsAt('promote', running),
  interrupted: async t => {
    await stopsAt('promote')(t)
    await stopsAt(`promote ${dep}`, `Look:  slipway watch ${dep}`)(t)
  },
})

cases('pause', {
  happy: async () => {
    const id = await paused(4)
    assert.deepEqual(seen(await user.call('pause')), {
      code: 0,
      out: '',
      err: `✔ dep_00000000000000000000000001 pauses after its current step.
  Go on:  slipway resume dep_00000000000000000000000001
`,
    })
    const asked = await user.call('pause --json')
    assert.equal((JSON.parse(asked.out) as { id: string }).id, id)
    assert.equal((await user.call('cancel')).code, 0)
  },
  empty: absent('pause', noneRuns),
  refused: async () => {
    assert.deepEqual(seen(await user.call(`pause ${await lastId()}`)), {
      code: 6,
      out: '',
      err: `✖ Deployment dep_00000000000000000000000001 has ended: it was cancelled.
  Deploy again, or roll back, to change what runs.
  (already_ended, req_1)
`,
    })
  },
  failed: failsAt('pause', running),
  interrupted: async t => {
    await stopsAt('pause')(t)
    await stopsAt(`pause ${dep}`, `Look:  slipway watch ${dep}`)(t)
  },
})

cases('resume', {
  happy: async () => {
    const id = await paused(4)
    assert.equal((await user.call('pause')).code, 0)
    assert.deepEqual(seen(await user.call('resume')), {
      code: 0,
      out: '',
      err: `✔ dep_00000000000000000000000001 goes on.
  Watch it:  slipway watch dep_00000000000000000000000001
`,
    })
    const again = await user.call(`pause ${id} --json`)
    assert.equal(again.code, 0, again.err)
    const { out } = await user.call(`resume ${id.slice(-8)} --json`)
    assert.equal((JSON.parse(out) as { id: string }).id, id)
    assert.equal((await user.call('cancel')).code, 0)
  },
  empty: absent('resume', noneRuns),
  refused: async () => {
    assert.deepEqual(seen(await user.call(`resume ${await lastId()}`)), {
      code: 6,
      out: '',
      err: `✖ Deployment dep_00000000000000000000000001 has ended: it was cancelled.
  Deploy again, or roll back, to change what runs.
  (already_ended, req_1)
`,
    })
  },
  failed: failsAt('resume', running),
  interrupted: async t => {
    await stopsAt('resume')(t)
    await stopsAt(`resume ${dep}`, `Look:  slipway watch ${dep}`)(t)
  },
})

cases('cancel', {
  happy: async () => {
    const id = await paused(4)
    const { code, err } = await user.call('cancel')
    assert.equal(code, 0, err)
    assert.equal((await customer.send('GET', `/v1/deployments/${id}`)).body.state, 'cancelled')
    assert.equal((await user.call(`watch ${id}`)).code, 7)
  },
  empty: absent('cancel', noneRuns),
  refused: async () => {
    assert.deepEqual(seen(await user.call(`cancel ${await lastId()}`)), {
      code: 6,
      out: '',
      err: `✖ Deployment dep_00000000000000000000000001 has ended: it was cancelled.
  Deploy again, or roll back, to change what runs.
  (already_ended, req_1)
`,
    })
  },
  failed: failsAt('cancel', running),
  interrupted: async t => {
    await stopsAt('cancel')(t)
    await stopsAt(`cancel ${dep}`, `Look:  slipway watch ${dep}`)(t)
  },
})

cases('retry', {
  happy: async () => {
    assert.deepEqual(seen(await user.call(`retry ${await lastId()} --detach`)), {
      code: 0,
      out: 'dep_00000000000000000000000001\n',
      err: `dep_00000000000000000000000001 does again what dep_00000000000000000000000002 was asked for.
Watch it:  slipway watch dep_00000000000000000000000001
`,
    })
    assert.equal((await user.call('cancel')).code, 0)
  },
  empty: absent('retry zzzzzzzz', noneEnds),
  refused: async () => {
    assert.deepEqual(seen(await user.call(`retry ${(await ids('succeeded'))[0]}`)), {
      code: 6,
      out: '',
      err: `✖ Deployment dep_00000000000000000000000001 is succeeded; only a failed or cancelled one can be retried.
  Ask for a new deploy.
  (not_retryable, req_1)
`,
    })
  },
  failed: failsAt('retry zzzzzzzz', 'GET /v1/deployments?limit=200'),
  interrupted: async t => {
    await stopsAt('retry zzzzzzzz')(t)
    await stopsAt(`retry ${dep}`, 'Look:  slipway ps')(t)
  },
})

cases('rollback', {
  happy: async () => {
    const { code, err } = await user.call('rollback shop v1 --notes "was better"')
    assert.equal(code, 0, err)
    const [heading, ...lines] = told({ code, out: '', err: err.replace(/v\d+ →/, 'vN →') }).err.split('\n')
    assert.equal(heading, 'dep_00000000000000000000000001  vN → v1')
    assert.deepEqual(
      lines.filter(line => line.startsWith('  ~')).map(line => line.replaceAll(/sha256:\w+|IMAGE_\d/g, 'X')),
      ['  ~  worker  image   X → X', '  ~  worker  digest  X → X'],
    )
  },
  empty: absent('rollback nothing', noShop),
  refused: async () => {
    assert.deepEqual(await user.call('rollback shop v99'), {
      code: 5,
      out: '',
      err: `✖ shop has no release "v99".
  See those it has:  slipway releases shop
  (not_found)
`,
    })
  },
  failed: failsAt('rollback shop', lookup),
  interrupted: async t => {
    await stopsAt('rollback shop')(t)
    await stopsAtChange(t, user, 'rollback shop', 'Look:  slipway ps shop')
  },
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
