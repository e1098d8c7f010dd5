import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { aReceiver, type Receiver, verified } from '../event/receiver.ts'
import { startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { cases, failsAt, stopsAt, stopsAtChange, type Way } from './cases.ts'
import { later, seen, startUser, type User } from './world.ts'

let world: World
let receiver: Receiver
const over: (() => unknown)[] = []
before(async () => {
  const t = { after: (end: () => unknown) => void over.push(end) } as Parameters<typeof startWorld>[0]
  const machine = await startMachine({ webhooks: { allowAddresses: ['127.0.0.1'], allowHttp: true } })
  t.after(() => machine.dispose())
  world = await startWorld(t, {}, machine)
  receiver = await aReceiver(t)
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

/** A user of a new tenant, and its name. */
async function ana(t: TestContext): Promise<User & { readonly tenant: string }> {
  const { id, token } = await world.tenant()
  return { ...(await startUser(t, { url: world.url, token })), tenant: id }
}

/** A user with a webhook, its id and its secret. */
async function hooked(t: TestContext, more = '') {
  const user = await ana(t)
  const { code, out, err } = await user.call(`webhooks create ${receiver.url} ${more} --json`)
  assert.equal(code, 0, err)
  const { id, secret } = JSON.parse(out) as { id: string; secret: string }
  return { user, id, secret }
}

/** Sends a ping, and waits until it has arrived and is told as delivered. */
async function pinged(user: User, id: string): Promise<string> {
  const { code, out, err } = await user.call(`webhooks test ${id}`)
  assert.equal(code, 0, err)
  const delivery = out.trim()
  await arrived(user, id, delivery)
  return delivery
}

async function arrived(user: User, id: string, delivery: string): Promise<void> {
  await until(`${delivery} is delivered`, async () =>
    (await user.call(`webhooks deliveries ${id} ${delivery}`)).out.includes('state  delivered'),
  )
}

/** A webhook that is not there. */
const missing =
  (line: string): Way =>
  async t => {
    assert.deepEqual(seen(await (await ana(t)).call(line)), {
      code: 5,
      out: '',
      err: '✖ There is no webhook "whk_gone".\n  See them:  slipway webhooks list\n  (not_found, req_1)\n',
    })
  }

/** Somebody who may only read. */
async function forbidden(t: TestContext, line: (id: string) => string, action = 'webhook.write'): Promise<void> {
  const customer = await world.tenant()
  const owner = await startUser(t, { url: world.url, token: customer.token })
  const made = await owner.call(`webhooks create ${receiver.url} --json`)
  const { id } = JSON.parse(made.out) as { id: string }
  const { secret } = await customer.issue({ name: 'bo', scopes: ['read'] })
  assert.deepEqual(seen(await (await startUser(t, { url: world.url, token: secret })).call(line(id))), {
    code: 4,
    out: '',
    err: `✖ "bo" may not do ${action}: that takes the scope "admin".\n  Its scopes are: read.\n  As somebody who may:  --context NAME, or slipway login\n  (forbidden, req_1)\n`,
  })
}

cases('webhooks list', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.*,instance.healed')
    await user.call(`webhooks create ${receiver.url}/two`)
    await user.call(`webhooks update ${id} --disable`)
    assert.deepEqual(seen(await user.call('webhooks list', later)), {
      code: 0,
      out: `ID                              URL                              TYPES                     INSTANCES  STATE     CREATED
whk_00000000000000000000000001  http://127.0.0.1:#####/hook/two  all                       all        enabled   1h
whk_00000000000000000000000002  http://127.0.0.1:#####/hook      deploy.*,instance.healed  all        disabled  1h
`,
      err: '',
    })
    const listed = await user.call('webhooks ls --json')
    assert.equal((JSON.parse(listed.out) as unknown[]).length, 2)
    assert.doesNotMatch(listed.out, /whsec_/)
    const root = await startUser(t, { url: world.url, token: world.operator })
    const ofTenant = await root.call(`webhooks list --tenant ${user.tenant}`)
    assert.match(ofTenant.out, /deploy\.\*,instance\.healed/, 'an operator names the tenant')
  },
  async empty(t) {
    const user = await ana(t)
    assert.deepEqual(await user.call('webhooks list'), {
      code: 0,
      out: '',
      err: 'No webhooks yet. Make one:  slipway webhooks create https://example.com/slipway --types "deploy.*"\n',
    })
    assert.equal((await user.call('webhooks list --json')).out, '[]\n')
  },
  async refused(t) {
    const user = await startUser(t, { url: world.url, token: 'slip_wrong' })
    assert.deepEqual(seen(await user.call('webhooks list')), {
      code: 4,
      out: '',
      err: `✖ The token is not one of ours: its form or its checksum is wrong.
  Send a valid token as \`Authorization: Bearer slip_…\`.
  Log in:  slipway login
  (unauthenticated, req_1)
`,
    })
  },
  failed: failsAt('webhooks list', 'GET /v1/webhooks?limit=200'),
  interrupted: stopsAt('webhooks list'),
})

cases('webhooks get', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.* --description "the chat"')
    assert.deepEqual(seen(await user.call(`webhooks get ${id}`)), {
      code: 0,
      out: `whk_00000000000000000000000001
  url          http://127.0.0.1:#####/hook
  description  the chat
  tenant       acme
  types        deploy.*
  instances    all
  state        enabled
  secret       v1
`,
      err: '',
    })
    await user.call(`webhooks rotate ${id}`)
    await user.call(`webhooks update ${id} --all-types --no-description --disable`)
    assert.deepEqual(seen(await user.call(`webhooks get ${id}`)), {
      code: 0,
      out: `whk_00000000000000000000000001
  url          http://127.0.0.1:#####/hook
  description  -
  tenant       acme
  types        all
  instances    all
  state        disabled: ana disabled it.
  secret       v1 until YYYY-MM-DDThh:mm:ss.mmmZ
  secret       v2
`,
      err: '',
    })
    assert.equal((JSON.parse((await user.call(`webhooks get ${id} --json`)).out) as { id: string }).id, id)
  },
  empty: missing('webhooks get whk_gone'),
  async refused(t) {
    // To somebody else it is not there.
    const { id } = await hooked(t)
    assert.deepEqual(seen(await (await ana(t)).call(`webhooks get ${id}`)), {
      code: 5,
      out: '',
      err: `✖ There is no webhook "whk_00000000000000000000000001".
  See them:  slipway webhooks list
  (not_found, req_1)
`,
    })
  },
  failed: failsAt('webhooks get whk_any', 'GET /v1/webhooks/whk_any'),
  interrupted: stopsAt('webhooks get whk_any'),
})

cases('webhooks create', {
  async happy(t) {
    const user = await ana(t)
    const made = await user.call(`webhooks create ${receiver.url} --types deploy.*`)
    assert.deepEqual(seen(made), {
      code: 0,
      out: 'whsec_SECRET\n',
      err: `✔ whk_00000000000000000000000001 is made.
  Its secret stands on stdout, and is shown this once: receivers verify with it that a request is from here.
  Try it:  slipway webhooks test whk_00000000000000000000000001
`,
    })
    const id = /whk_\w+/.exec(made.err)?.[0] ?? ''
    const delivery = await pinged(user, id)
    const { event } = JSON.parse((await user.call(`webhooks deliveries ${id} ${delivery} --json`)).out) as {
      event: { id: string }
    }
    const received = receiver.received.find(one => one.id === event.id)
    assert.ok(received)
    assert.deepEqual(verified(made.out.trim(), received), event)

    const acting = world.machine.slipway.as({ tenantId: user.tenant, subject: 'ana' })
    const services = [worker(await world.machine.worker('1'))]
    const { instance, deployment } = await acting.instances.create({ name: 'shop', services })
    const ofShop = await user.call(`webhooks create ${receiver.url} --instance shop --json`)
    assert.deepEqual((JSON.parse(ofShop.out) as { instances: string[] }).instances, [instance.id])
    await acting.finished(deployment.id)
  },
  async empty(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks create'), {
      code: 2,
      out: '',
      err: `✖ Missing required argument 'url'
  See:  slipway webhooks create --help
  (usage)
`,
    })
  },
  async refused(t) {
    const user = await ana(t)
    assert.deepEqual(seen(await user.call('webhooks create nonsense')), {
      code: 2,
      out: '',
      err: `✖ The body is not valid.
  /url: must be a URL that begins with https://
  Mend it and send it again.
  (invalid_request, req_1)
`,
    })
    assert.deepEqual(seen(await user.call(`webhooks create ${receiver.url} --types rusty`)), {
      code: 2,
      out: '',
      err: `✖ The body is not valid.
  /types/0: must be a type of event, or all of a family: deploy.*
  Mend it and send it again.
  (invalid_request, req_1)
`,
    })
    assert.deepEqual(await user.call(`webhooks create ${receiver.url} --instance gone`), {
      code: 5,
      out: '',
      err: `✖ There is no instance "gone".
  See what there is:  slipway ps
  (not_found)
`,
    })
    await forbidden(t, () => `webhooks create ${receiver.url}`)
  },
  failed: failsAt('webhooks create https://example.com', 'POST /v1/webhooks'),
  async interrupted(t) {
    await stopsAt('webhooks create https://example.com', 'Look:  slipway webhooks list')(t)
    await stopsAt('webhooks create https://example.com --instance shop')(t)
  },
})

cases('webhooks update', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.* --description "the chat"')
    assert.deepEqual(seen(await user.call(`webhooks update ${id} --all-types --no-description --disable`)), {
      code: 0,
      out: '',
      err: '✔ whk_00000000000000000000000001 is changed. It is disabled.\n',
    })
    assert.match((await user.call('webhooks list')).out, / all +all +disabled /)
    const changed = await user.call(`webhooks update ${id} --enable --to ${receiver.url}/new --types task.* --json`)
    const { url, types, enabled } = JSON.parse(changed.out) as Record<string, unknown>
    assert.deepEqual([url, types, enabled], [`${receiver.url}/new`, ['task.*'], true])
  },
  async empty(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks update whk_any'), {
      code: 2,
      out: '',
      err: '✖ Nothing is said that would change.\n  See what can be said:  slipway webhooks update --help\n  (nothing_to_change)\n',
    })
    await missing('webhooks update whk_gone --disable')(t)
  },
  async refused(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks update whk_any --enable --disable'), {
      code: 2,
      out: '',
      err: `✖ Option '--enable' cannot be used with option '--disable'
  See:  slipway webhooks update --help
  (usage)
`,
    })
    await forbidden(t, id => `webhooks update ${id} --disable`)
  },
  failed: failsAt('webhooks update whk_any --disable', 'PATCH /v1/webhooks/whk_any'),
  interrupted: stopsAt('webhooks update whk_any --disable', 'Look:  slipway webhooks get whk_any'),
})

cases('webhooks delete', {
  async happy(t) {
    const { user, id } = await hooked(t)
    assert.deepEqual(seen(await user.call(`webhooks delete ${id} --yes`)), {
      code: 0,
      out: '',
      err: '✔ whk_00000000000000000000000001 is deleted.\n',
    })
    assert.equal((await user.call('webhooks list --json')).out, '[]\n')
  },
  empty: missing('webhooks delete whk_gone --yes'),
  async refused(t) {
    const { user, id } = await hooked(t)
    assert.deepEqual(seen(await user.call(`webhooks delete ${id}`)), {
      code: 2,
      out: '',
      err: `✖ whk_00000000000000000000000001 is deleted with its deliveries: http://127.0.0.1:#####/hook is told of nothing any more. That is asked for, and there is no terminal.
  Say it with the command:  --yes
  (not_confirmed)
`,
    })
    const asked = user.call(`webhooks delete ${id}`, { terminal: {} })
    await asked.told('Go on?')
    asked.type('n')
    const { code, err } = await asked
    assert.equal(code, 2)
    assert.match(stripVTControlCharacters(err), /\n✖ Not confirmed: nothing was changed\.\n {2}\(not_confirmed\)\n$/)
    assert.equal((await user.call(`webhooks get ${id}`)).code, 0, 'it is still there')
    await forbidden(t, of => `webhooks delete ${of} --yes`, 'webhook.read')
  },
  failed: failsAt('webhooks delete whk_any --yes', 'GET /v1/webhooks/whk_any'),
  async interrupted(t) {
    await stopsAt('webhooks delete whk_any --yes')(t)
    const { user, id } = await hooked(t)
    await stopsAtChange(t, user, `webhooks delete ${id} --yes`, 'Look:  slipway webhooks list')
  },
})

cases('webhooks test', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.*')
    const called = await user.call(`webhooks test ${id}`)
    assert.deepEqual(seen(called), {
      code: 0,
      out: 'dlv_00000000000000000000000001\n',
      err: `✔ webhook.ping is on its way.
  See what comes of it:  slipway webhooks deliveries whk_00000000000000000000000001 dlv_00000000000000000000000001
`,
    })
    await arrived(user, id, called.out.trim())
    const { event_type } = JSON.parse((await user.call(`webhooks test ${id} --json`)).out) as { event_type: string }
    assert.equal(event_type, 'webhook.ping')
  },
  empty: missing('webhooks test whk_gone'),
  async refused(t) {
    const { user, id } = await hooked(t)
    await user.call(`webhooks update ${id} --disable`)
    assert.deepEqual(seen(await user.call(`webhooks test ${id}`)), {
      code: 6,
      out: '',
      err: `✖ Webhook whk_00000000000000000000000001 is disabled: ana disabled it.
  Enable it first.
  (webhook_disabled, req_1)
`,
    })
  },
  failed: failsAt('webhooks test whk_any', 'POST /v1/webhooks/whk_any/test'),
  interrupted: stopsAt('webhooks test whk_any', 'Look:  slipway webhooks deliveries whk_any'),
})

cases('webhooks rotate', {
  async happy(t) {
    const { user, id, secret } = await hooked(t)
    const rotated = await user.call(`webhooks rotate ${id}`)
    assert.deepEqual(seen(rotated), {
      code: 0,
      out: 'whsec_SECRET\n',
      err: `✔ whk_00000000000000000000000001 has a new secret.
  Its secret stands on stdout, and is shown this once: receivers verify with it that a request is from here.
  Requests are signed with the old one as well until YYYY-MM-DDThh:mm:ss.mmmZ.
`,
    })
    assert.notEqual(rotated.out.trim(), secret)
    const alone = JSON.parse((await user.call(`webhooks rotate ${id} --overlap 0s --json`)).out) as {
      secret: string
      secret_versions: { version: number }[]
    }
    assert.match(alone.secret, /^whsec_/)
    assert.deepEqual(
      alone.secret_versions.map(({ version }) => version),
      [3],
    )
  },
  empty: missing('webhooks rotate whk_gone'),
  async refused(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks rotate whk_any --overlap long'), {
      code: 2,
      out: '',
      err: `✖ Option '--overlap <time>' argument 'long' is invalid. It looks like 90s, 15m, 12h or 90d.
  See:  slipway webhooks rotate --help
  (usage)
`,
    })
    await forbidden(t, id => `webhooks rotate ${id}`)
  },
  failed: failsAt('webhooks rotate whk_any', 'POST /v1/webhooks/whk_any/rotate'),
  interrupted: stopsAt(
    'webhooks rotate whk_any',
    'The secret is not to be had a second time. Make a new one:  slipway webhooks rotate whk_any',
  ),
})

cases('webhooks deliveries', {
  async happy(t) {
    const { user, id } = await hooked(t)
    const delivery = await pinged(user, id)
    assert.deepEqual(seen(await user.call(`webhooks deliveries ${id} -n 1`, later)), {
      code: 0,
      out: `ID                              EVENT         STATE      ATTEMPTS  LAST  CREATED
dlv_00000000000000000000000001  webhook.ping  delivered  1         200   1h
`,
      err: '',
    })
    const alone = await user.call(`webhooks deliveries ${id} ${delivery}`, later)
    assert.deepEqual(seen({ ...alone, out: alone.out.replace(/\d+ms {2,}/, 'Nms   ') }), {
      code: 0,
      out: `dlv_00000000000000000000000001
  event  webhook.ping evt_00000000000000000000000001
  state  delivered

AGO  ANSWER  TOOK  SAID
1h   200     Nms   -
`,
      err: '',
    })
    // Nobody listens there: it is told when it is tried again.
    const other = await ana(t)
    const nowhere = await other.call('webhooks create http://127.0.0.1:1/ --json')
    const { id: deaf } = JSON.parse(nowhere.out) as { id: string }
    const { out: failing } = await other.call(`webhooks test ${deaf}`)
    await until('it was tried', async () =>
      /\n {2}state {2}pending\n {2}next {3}\S+Z\n\nAGO /.test(
        (await other.call(`webhooks deliveries ${deaf} ${failing.trim()}`)).out,
      ),
    )
    const [one] = JSON.parse((await user.call(`webhooks deliveries ${id} --json`)).out) as { id: string }[]
    assert.equal(one?.id, delivery)
    const newer = await pinged(user, id)
    const newest = JSON.parse((await user.call(`webhooks deliveries ${id} -n 1 --json`)).out) as { id: string }[]
    assert.deepEqual(
      newest.map(({ id }) => id),
      [newer],
    )
  },
  async empty(t) {
    const { user, id } = await hooked(t)
    assert.deepEqual(seen(await user.call(`webhooks deliveries ${id}`)), {
      code: 0,
      out: '',
      err: 'Nothing was sent to it yet. Try it:  slipway webhooks test whk_00000000000000000000000001\n',
    })
    assert.deepEqual(seen(await user.call(`webhooks deliveries ${id} --state failed`)), {
      code: 0,
      out: '',
      err: 'No delivery is in such a state. All of them:  slipway webhooks deliveries whk_00000000000000000000000001\n',
    })
    assert.equal((await user.call(`webhooks deliveries ${id} --json`)).out, '[]\n')
    await missing('webhooks deliveries whk_gone')(t)
  },
  async refused(t) {
    const { user, id } = await hooked(t)
    assert.deepEqual(seen(await user.call(`webhooks deliveries ${id} --state rusty`)), {
      code: 2,
      out: '',
      err: `✖ The query is not valid.
  /state: must be some of pending, delivered, failed, cancelled, separated by commas
  Mend it and send it again.
  (invalid_request, req_1)
`,
    })
    assert.deepEqual(seen(await user.call(`webhooks deliveries ${id} -n 0`)), {
      code: 2,
      out: '',
      err: `✖ Option '-n, --count <n>' argument '0' is invalid. It is at least 1.
  See:  slipway webhooks deliveries --help
  (usage)
`,
    })
  },
  failed: failsAt('webhooks deliveries whk_any', 'GET /v1/webhooks/whk_any/deliveries?limit=50'),
  interrupted: stopsAt('webhooks deliveries whk_any'),
})

cases('webhooks replay', {
  async happy(t) {
    const { user, id } = await hooked(t)
    const delivery = await pinged(user, id)
    const again = await user.call(`webhooks replay ${id} ${delivery}`)
    assert.deepEqual(seen(again), {
      code: 0,
      out: 'dlv_00000000000000000000000001\n',
      err: `✔ webhook.ping is on its way.
  See what comes of it:  slipway webhooks deliveries whk_00000000000000000000000001 dlv_00000000000000000000000001
`,
    })
    await arrived(user, id, again.out.trim())
    assert.ok((await user.call(`webhooks deliveries ${id} ${again.out.trim()}`)).out.includes(`again  ${delivery}`))
    assert.deepEqual(seen(await user.call(`webhooks replay ${id} --since 1h`)), {
      code: 0,
      out: '',
      err: `✔ Everything since YYYY-MM-DDThh:mm:ss.mmmZ is sent again, in its order.
  See it:  slipway webhooks deliveries whk_00000000000000000000000001
`,
    })
    const all = await user.call(`webhooks replay ${id} --since 1h --json`)
    assert.equal((JSON.parse(all.out) as { id: string }).id, id)
  },
  async empty(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks replay whk_any'), {
      code: 2,
      out: '',
      err: '✖ It is not said what is sent again.\n  One delivery:  slipway webhooks replay whk_any DELIVERY\n  Everything:    slipway webhooks replay whk_any --since 2h\n  (what_again)\n',
    })
    await missing('webhooks replay whk_gone --since 1h')(t)
  },
  async refused(t) {
    const user = await ana(t)
    assert.deepEqual(await user.call('webhooks replay whk_any dlv_any --since 1h'), {
      code: 2,
      out: '',
      err: `✖ One delivery is sent again, or everything since a moment, and not both.
  One delivery:  slipway webhooks replay whk_any DELIVERY
  Everything:    slipway webhooks replay whk_any --since 2h
  (what_again)
`,
    })
    assert.deepEqual(await user.call('webhooks replay whk_any --since soon'), {
      code: 2,
      out: '',
      err: `✖ --since "soon" is no time.
  It looks like 90s, 15m, 12h or 7d, or like 2026-11-24T12:00:00Z
  (bad_time)
`,
    })
    await forbidden(t, id => `webhooks replay ${id} --since 1h`)
  },
  failed: failsAt('webhooks replay whk_any --since 1h', 'POST /v1/webhooks/whk_any/replay'),
  interrupted: stopsAt('webhooks replay whk_any --since 1h', 'Look:  slipway webhooks deliveries whk_any'),
})
