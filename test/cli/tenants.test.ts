import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { cases, interrupted, startFailingUser } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

let world: World
const over: (() => unknown)[] = []
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

/** Somebody who may act for every tenant. */
const root = (t: TestContext): Promise<User> => startUser(t, { url: world.url, token: world.operator })

/** An operator, and a tenant that was created. */
async function withTenant(t: TestContext, id: string, more = ''): Promise<User> {
  const user = await root(t)
  const { code, err } = await user.call(`tenants create ${id} ${more}`)
  assert.equal(code, 0, err)
  return user
}

/** Somebody of a tenant has no say over tenants. */
async function forbidden(t: TestContext, line: string): Promise<void> {
  const { token } = await world.tenant()
  const { code, out, err } = await (await startUser(t, { url: world.url, token })).call(line)
  assert.deepEqual([code, out], [4, ''])
  assert.match(err, /\(forbidden, req_/)
}

/** A tenant that nobody created. */
async function missing(t: TestContext, line: string): Promise<void> {
  const { code, out, err } = await (await root(t)).call(line)
  assert.deepEqual(
    [code, out, masked(err)],
    [
      5,
      '',
      '✖ No tenant "gone" was created.\n  List the tenants to see which were, or create it: what it has already stays its own.\n  (not_found, req_1)\n',
    ],
  )
}

/** No server there. */
async function unreachable(t: TestContext, line: string): Promise<void> {
  const { code, out, err } = await (await startFailingUser(t)).call(line)
  assert.deepEqual([code, out], [1, ''])
  assert.match(err, /^✖ .*\n {2}Is the server up\? {2}slipway doctor\n/)
}

/** Ctrl-C before anything was asked for. */
async function brokenOff(t: TestContext, line: string): Promise<void> {
  assert.deepEqual(await interrupted(t, line), {
    code: 130,
    out: '',
    err: '✖ Interrupted: nothing was changed.\n  (interrupted)\n',
  })
}

/** Ctrl-C while a change is under way: nobody knows. */
async function uncertain(t: TestContext, line: string, look: string): Promise<void> {
  assert.deepEqual(await interrupted(t, line), {
    code: 130,
    out: '',
    err: `✖ Interrupted before the answer came: it may have been done all the same.\n  ${look}\n  (interrupted)\n`,
  })
}

cases('tenants list', {
  async happy(t) {
    const user = await withTenant(t, 'listed', '--title "Listed Inc." --instances 5 --memory 8GiB')
    const { code, out, err } = await user.call('tenants list')
    assert.deepEqual([code, err], [0, ''])
    const [heading, ...rows] = out.trimEnd().split('\n')
    assert.match(heading ?? '', /^ID +TITLE +STATE +LIMITS +BY +CREATED$/)
    const row = rows.find(line => line.startsWith('listed '))
    assert.match(row ?? out, /^listed +Listed Inc\. +active +instances=5 memory=8GiB +root +\d+s$/)
    const all = JSON.parse((await user.call('tenants ls --json')).out) as { id: string; quota: object }[]
    assert.deepEqual(all.find(({ id }) => id === 'listed')?.quota, { instances: 5, memory_bytes: 8 * 1024 ** 3 })
  },
  async empty(t) {
    const { url, operator } = await startWorld(t)
    const user = await startUser(t, { url, token: operator })
    assert.deepEqual(await user.call('tenants list'), {
      code: 0,
      out: '',
      err: 'No tenants were created yet. Create one:  slipway tenants create acme\n',
    })
    assert.equal((await user.call('tenants list --json')).out, '[]\n')
  },
  refused: t => forbidden(t, 'tenants list'),
  failed: t => unreachable(t, 'tenants list'),
  interrupted: t => brokenOff(t, 'tenants list'),
})

cases('tenants get', {
  async happy(t) {
    const user = await withTenant(t, 'got', '--title "Got Inc." --replicas 3')
    const { code, out, err } = await user.call('tenants get got')
    assert.deepEqual([code, err], [0, ''])
    assert.equal(
      masked(out),
      'got\n  title   Got Inc.\n  state   active\n  limits  replicas=3\n  created TIME by root\n',
    )
    const one = JSON.parse((await user.call('tenants get got --json')).out) as { id: string; title: string }
    assert.deepEqual([one.id, one.title], ['got', 'Got Inc.'])
  },
  empty: t => missing(t, 'tenants get gone'),
  refused: t => forbidden(t, 'tenants get got'),
  failed: t => unreachable(t, 'tenants get got'),
  interrupted: t => brokenOff(t, 'tenants get got'),
})

cases('tenants create', {
  async happy(t) {
    const user = await root(t)
    assert.deepEqual(await user.call('tenants create made'), {
      code: 0,
      out: '',
      err: 'made is created. A token for it:  slipway tokens create ci --scope deploy --tenant made\n',
    })
    const line = 'tenants create made-too --title Two --instances 2 --replicas none --deployments 0 --memory 512MiB'
    const { out } = await user.call(`${line} --json`)
    const made = JSON.parse(out) as Record<string, unknown>
    assert.deepEqual(made['quota'], { instances: 2, deployments: 0, memory_bytes: 512 * 1024 ** 2 })
  },
  empty: { none: 'a tenant needs nothing but its id' },
  async refused(t) {
    const user = await withTenant(t, 'taken')
    const { code, err } = await user.call('tenants create taken')
    assert.equal(code, 6)
    assert.match(err, /\(already_exists, req_/)
    const unsaid = await user.call('tenants create more --memory plenty')
    assert.equal(unsaid.code, 2)
    assert.match(unsaid.err, /It looks like 512MiB, 8GiB or none\./)
    await forbidden(t, 'tenants create more')
  },
  failed: t => unreachable(t, 'tenants create made'),
  interrupted: t => uncertain(t, 'tenants create made', 'Look:  slipway tenants get made'),
})

cases('tenants update', {
  async happy(t) {
    const user = await withTenant(t, 'changed', '--title Old')
    assert.deepEqual(await user.call('tenants update changed --suspend --reason "not paid"'), {
      code: 0,
      out: '',
      err: 'changed is changed. It is suspended.\n',
    })
    assert.match((await user.call('tenants get changed')).out, /title {3}Old\n {2}state {3}suspended: not paid\n/)
    const { out } = await user.call('tenants update changed --activate --no-title --json')
    const { title, state, reason } = JSON.parse(out) as Record<string, unknown>
    assert.deepEqual([title, state, reason], [undefined, 'active', undefined])
  },
  async empty(t) {
    assert.deepEqual(await (await root(t)).call('tenants update changed'), {
      code: 2,
      out: '',
      err: '✖ Nothing is said that would change.\n  Say it:  --title TEXT, --no-title, --suspend, --reason TEXT or --activate\n  (nothing_to_change)\n',
    })
    await missing(t, 'tenants update gone --title New')
  },
  async refused(t) {
    const user = await withTenant(t, 'unchanged')
    const { code, err } = await user.call('tenants update unchanged --reason "not paid"')
    assert.equal(code, 2)
    assert.match(err, /A reason is of a suspended tenant.*\n.*\/reason/)
    assert.equal((await user.call('tenants update unchanged --suspend --activate')).code, 2)
    await forbidden(t, 'tenants update unchanged --suspend')
  },
  failed: t => unreachable(t, 'tenants update changed --suspend'),
  interrupted: t => uncertain(t, 'tenants update changed --suspend', 'Look:  slipway tenants get changed'),
})

cases('tenants delete', {
  async happy(t) {
    const user = await withTenant(t, 'ended')
    assert.deepEqual(await user.call('tenants delete ended --confirm-name ended'), {
      code: 0,
      out: '',
      err: 'ended is deleted.\n',
    })
    assert.doesNotMatch((await user.call('tenants list')).out, /^ended /m)
    await withTenant(t, 'ended-too')
    const asked = user.call('tenants delete ended-too --json', { terminal: {} })
    await asked.told('Type ended-too to confirm:')
    asked.type('ended-too\r')
    assert.equal((JSON.parse((await asked).out) as { state: string }).state, 'deleted')
  },
  empty: t => missing(t, 'tenants delete gone --confirm-name gone'),
  async refused(t) {
    const user = await withTenant(t, 'kept')
    assert.deepEqual(await user.call('tenants delete kept'), {
      code: 2,
      out: '',
      err: '✖ kept is deleted, its tokens end, and its id is not given again. That is asked for, and there is no terminal.\n  Say it with the command:  --confirm-name kept\n  (not_confirmed)\n',
    })
    assert.equal((await user.call('tenants delete kept --confirm-name other')).code, 2)
    await world.machine.slipway.as({ tenantId: 'kept', subject: 'ana' }).secrets.store('one', 'hush')
    const { code, err } = await user.call('tenants delete kept --confirm-name kept')
    assert.equal(code, 6)
    assert.match(err, /\(tenant_not_empty, req_/)
  },
  failed: t => unreachable(t, 'tenants delete kept --confirm-name kept'),
  interrupted: t => brokenOff(t, 'tenants delete kept --confirm-name kept'),
})

cases('tenants quota', {
  async happy(t) {
    const user = await withTenant(t, 'limited', '--instances 5')
    assert.deepEqual(await user.call('tenants quota limited'), {
      code: 0,
      out: 'WHAT         USED  LIMIT\ninstances    0     5\nreplicas     0     -\ndeployments  0     -\nmemory       0     -\n',
      err: '',
    })
    assert.equal(
      (await user.call('tenants quota limited --memory 1536MiB --replicas 9')).out,
      'WHAT         USED  LIMIT\ninstances    0     5\nreplicas     0     9\ndeployments  0     -\nmemory       0     1536MiB\n',
    )
    const { out } = await user.call('tenants quota limited --instances none --json')
    const { limits } = JSON.parse(out) as { limits: object }
    assert.deepEqual(limits, { replicas: 9, memory_bytes: 1536 * 1024 ** 2 }, 'those not named stay')
  },
  empty: t => missing(t, 'tenants quota gone'),
  async refused(t) {
    const user = await root(t)
    const { code, err } = await user.call('tenants quota limited --instances many')
    assert.equal(code, 2)
    assert.match(err, /It is a whole number\./)
    await forbidden(t, 'tenants quota limited --instances 5')
  },
  failed: t => unreachable(t, 'tenants quota limited'),
  interrupted: t => brokenOff(t, 'tenants quota limited --instances 5'),
})
