import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { startWorld, type World } from '../server/world.ts'
import { cases, failsAt, stopsAt, stopsAtChange, type Way } from './cases.ts'
import { later, seen, startUser, type User } from './world.ts'

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
async function forbidden(t: TestContext, line: string, action = 'tenant.write'): Promise<void> {
  const { token } = await world.tenant()
  assert.deepEqual(seen(await (await startUser(t, { url: world.url, token })).call(line)), {
    code: 4,
    out: '',
    err: `✖ "ana" may not do ${action}: that is for operators.\n  Use an operator's token.\n  As somebody who may:  --context NAME, or slipway login\n  (forbidden, req_1)\n`,
  })
}

/** A tenant that nobody created. */
const missing =
  (line: string): Way =>
  async t => {
    assert.deepEqual(seen(await (await root(t)).call(line)), {
      code: 5,
      out: '',
      err: `✖ No tenant "gone" was created.
  List the tenants to see which were, or create it: what it has already stays its own.
  (not_found, req_1)
`,
    })
  }

cases('tenants list', {
  async happy(t) {
    const { url, operator } = await startWorld(t)
    const user = await startUser(t, { url, token: operator })
    await user.call('tenants create listed --title "Listed Inc." --instances 5 --memory 8GiB')
    await user.call('tenants create plain')
    await user.call('tenants update plain --suspend')
    assert.deepEqual(await user.call('tenants list', later), {
      code: 0,
      out: `ID      TITLE        STATE      LIMITS                   BY    CREATED
plain   -            suspended  -                        root  1h
listed  Listed Inc.  active     instances=5 memory=8GiB  root  1h
`,
      err: '',
    })
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
    assert.deepEqual(await user.call('tenants list --json'), { code: 0, out: '[]\n', err: '' })
  },
  refused: t => forbidden(t, 'tenants list', 'tenant.read'),
  failed: failsAt('tenants list', 'GET /v1/tenants?limit=200'),
  interrupted: stopsAt('tenants list'),
})

cases('tenants get', {
  async happy(t) {
    const user = await withTenant(t, 'got', '--title "Got Inc." --replicas 3')
    assert.deepEqual(seen(await user.call('tenants get got')), {
      code: 0,
      out: `got
  title    Got Inc.
  state    active
  limits   replicas=3
  created  YYYY-MM-DDThh:mm:ss.mmmZ by root
`,
      err: '',
    })
    const one = JSON.parse((await user.call('tenants get got --json')).out) as { id: string; title: string }
    assert.deepEqual([one.id, one.title], ['got', 'Got Inc.'])
  },
  empty: missing('tenants get gone'),
  refused: t => forbidden(t, 'tenants get got', 'tenant.read'),
  failed: failsAt('tenants get got', 'GET /v1/tenants/got'),
  interrupted: stopsAt('tenants get got'),
})

cases('tenants create', {
  async happy(t) {
    const user = await root(t)
    assert.deepEqual(await user.call('tenants create made'), {
      code: 0,
      out: '',
      err: `✔ made is created.
  A token for it:  slipway tokens create ci --scope deploy --tenant made
`,
    })
    const line = 'tenants create made-too --title Two --instances 2 --replicas none --deployments 0 --memory 512MiB'
    const { out } = await user.call(`${line} --json`)
    const made = JSON.parse(out) as Record<string, unknown>
    assert.deepEqual(made['quota'], { instances: 2, deployments: 0, memory_bytes: 512 * 1024 ** 2 })
  },
  async empty(t) {
    assert.deepEqual(await (await root(t)).call('tenants create'), {
      code: 2,
      out: '',
      err: `✖ Missing required argument 'id'
  See:  slipway tenants create --help
  (usage)
`,
    })
  },
  async refused(t) {
    const user = await withTenant(t, 'taken')
    assert.deepEqual(seen(await user.call('tenants create taken')), {
      code: 6,
      out: '',
      err: `✖ There is a tenant "taken" already, or there was.
  Take another name: the history of a deleted tenant stays under its own.
  (already_exists, req_1)
`,
    })
    assert.deepEqual(await user.call('tenants create more --memory plenty'), {
      code: 2,
      out: '',
      err: `✖ Option '--memory <amount>' argument 'plenty' is invalid. It looks like 512MiB, 8GiB or none.
  See:  slipway tenants create --help
  (usage)
`,
    })
    assert.deepEqual(seen(await user.call('tenants create Not_A_Name')), {
      code: 2,
      out: '',
      err: `✖ The body is not valid.
  /id: must be lower-case letters, digits and dashes, start with a letter, at most 40 characters
  Mend it and send it again.
  (invalid_request, req_1)
`,
    })
    await forbidden(t, 'tenants create more')
  },
  failed: failsAt('tenants create made', 'POST /v1/tenants'),
  interrupted: stopsAt('tenants create made', 'Look:  slipway tenants get made'),
})

cases('tenants update', {
  async happy(t) {
    const user = await withTenant(t, 'changed', '--title Old')
    assert.deepEqual(await user.call('tenants update changed --suspend --reason "not paid"'), {
      code: 0,
      out: '',
      err: '✔ changed is changed. It is suspended.\n',
    })
    assert.match((await user.call('tenants get changed')).out, /title {4}Old\n {2}state {4}suspended: not paid\n/)
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
    await missing('tenants update gone --title New')(t)
  },
  async refused(t) {
    const user = await withTenant(t, 'unchanged')
    assert.deepEqual(seen(await user.call('tenants update unchanged --reason "not paid"')), {
      code: 2,
      out: '',
      err: `✖ A reason is of a suspended tenant, and this one is active.
  /reason: only with the state suspended
  Suspend it, or leave the reason out.
  (invalid_request, req_1)
`,
    })
    assert.deepEqual(await user.call('tenants update unchanged --suspend --activate'), {
      code: 2,
      out: '',
      err: `✖ Option '--activate' cannot be used with option '--suspend'
  See:  slipway tenants update --help
  (usage)
`,
    })
    await forbidden(t, 'tenants update unchanged --suspend')
  },
  failed: failsAt('tenants update changed --suspend', 'PATCH /v1/tenants/changed'),
  interrupted: stopsAt('tenants update changed --suspend', 'Look:  slipway tenants get changed'),
})

cases('tenants delete', {
  async happy(t) {
    const user = await withTenant(t, 'ended')
    assert.deepEqual(await user.call('tenants delete ended --confirm-name ended'), {
      code: 0,
      out: '',
      err: '✔ ended is deleted.\n',
    })
    assert.doesNotMatch((await user.call('tenants list')).out, /^ended /m)
    await withTenant(t, 'ended-too')
    const asked = user.call('tenants delete ended-too --json', { terminal: {} })
    await asked.told('Type ended-too to confirm:')
    asked.type('ended-too\r')
    assert.equal((JSON.parse((await asked).out) as { state: string }).state, 'deleted')
  },
  empty: missing('tenants delete gone --confirm-name gone'),
  async refused(t) {
    const user = await withTenant(t, 'kept')
    assert.deepEqual(await user.call('tenants delete kept'), {
      code: 2,
      out: '',
      err: '✖ kept is deleted, its tokens end, and its id is not given again. That is asked for, and there is no terminal.\n  Say it with the command:  --confirm-name kept\n  (not_confirmed)\n',
    })
    assert.deepEqual(await user.call('tenants delete kept --confirm-name other'), {
      code: 2,
      out: '',
      err: `✖ "other" is not kept: nothing was changed.
  (not_confirmed)
`,
    })
    await world.machine.slipway.as({ tenantId: 'kept', subject: 'ana' }).secrets.store('one', 'hush')
    assert.deepEqual(seen(await user.call('tenants delete kept --confirm-name kept')), {
      code: 6,
      out: '',
      err: `✖ Tenant "kept" still has 0 instances and 1 secret.
  Delete them first; they are not deleted along with it.
  (tenant_not_empty, req_1)
`,
    })
    await forbidden(t, 'tenants delete kept --confirm-name kept', 'tenant.read')
  },
  failed: failsAt('tenants delete kept --confirm-name kept', 'GET /v1/tenants/kept'),
  async interrupted(t) {
    await stopsAt('tenants delete kept --confirm-name kept')(t)
    const user = await withTenant(t, 'still-there')
    await stopsAtChange(t, user, 'tenants delete still-there --confirm-name still-there', 'Look:  slipway tenants list')
    const asked = user.call('tenants delete still-there', { terminal: { columns: 200 } })
    await asked.told('Type still-there to confirm:')
    asked.type('\u0003')
    const { code, err } = await asked
    assert.equal(code, 130)
    assert.match(stripVTControlCharacters(err), /\n✖ Interrupted: nothing was changed\.\n {2}\(interrupted\)\n$/)
    assert.equal((await user.call('tenants get still-there')).code, 0)
  },
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
  empty: missing('tenants quota gone'),
  async refused(t) {
    const user = await root(t)
    assert.deepEqual(await user.call('tenants quota limited --instances many'), {
      code: 2,
      out: '',
      err: `✖ Option '--instances <n>' argument 'many' is invalid. It is a whole number.
  See:  slipway tenants quota --help
  (usage)
`,
    })
    await forbidden(t, 'tenants quota limited --instances 5', 'tenant.read')
  },
  failed: failsAt('tenants quota limited', 'GET /v1/tenants/limited/quota'),
  async interrupted(t) {
    await stopsAt('tenants quota limited --instances 5')(t)
    const user = await withTenant(t, 'unlimited')
    await stopsAtChange(t, user, 'tenants quota unlimited --instances 5', 'Look:  slipway tenants quota unlimited')
  },
})
