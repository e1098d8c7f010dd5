import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { aReceiver, type Receiver, verified } from '../event/receiver.ts'
import { startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { cases, interrupted, startFailingUser } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

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
    (await user.call(`webhooks deliveries ${id} ${delivery}`)).out.includes('state delivered'),
  )
}

/** What is different in every run of these, beyond what is masked anyway. */
const told = (text: string): string =>
  masked(text)
    .replaceAll(/\bwhsec_[A-Za-z0-9+/=_-]+/g, 'whsec_SECRET')
    .replaceAll(/\b\d+(\.\d+)?ms\b/g, 'TOOK')
    .replaceAll(/\b\d+s$/gm, 'AGO')
    .replaceAll(/^\d+s\b/gm, 'AGO')
    .replaceAll(/ {2,}/g, '  ')

/** A webhook that is not there. */
async function missing(t: TestContext, line: string): Promise<void> {
  const { code, out, err } = await (await ana(t)).call(line)
  assert.deepEqual([code, out], [5, ''])
  assert.match(masked(err), /\(not_found, req_1\)\n$/)
}

/** Somebody who may only read. */
async function forbidden(t: TestContext, line: (id: string) => string): Promise<void> {
  const customer = await world.tenant()
  const owner = await startUser(t, { url: world.url, token: customer.token })
  const made = await owner.call(`webhooks create ${receiver.url} --json`)
  const { id } = JSON.parse(made.out) as { id: string }
  const { secret } = await customer.issue({ name: 'reader', scopes: ['read'] })
  const { code, out, err } = await (await startUser(t, { url: world.url, token: secret })).call(line(id))
  assert.deepEqual([code, out], [4, ''])
  assert.match(err, /\(forbidden, req_/)
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

cases('webhooks list', {
  async happy(t) {
    const { user } = await hooked(t, '--types deploy.*,instance.healed')
    const { code, out, err } = await user.call('webhooks list')
    assert.deepEqual([code, err], [0, ''])
    assert.equal(
      told(out),
      `ID  URL  TYPES  INSTANCES  STATE  CREATED\nwhk_1  ${told(receiver.url)}  deploy.*,instance.healed  all  enabled  AGO\n`,
    )
    const listed = await user.call('webhooks ls --json')
    assert.equal((JSON.parse(listed.out) as unknown[]).length, 1)
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
    const { code, err } = await (await startUser(t, { url: world.url, token: 'slip_wrong' })).call('webhooks list')
    assert.equal(code, 4)
    assert.match(err, /\(unauthenticated, req_/)
  },
  failed: t => unreachable(t, 'webhooks list'),
  interrupted: t => brokenOff(t, 'webhooks list'),
})

cases('webhooks get', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.* --description "the chat"')
    const { code, out, err } = await user.call(`webhooks get ${id}`)
    assert.deepEqual([code, err], [0, ''])
    assert.equal(
      masked(out),
      `whk_1
  url         ${masked(receiver.url)}
  description the chat
  tenant      ${user.tenant}
  types       deploy.*
  instances   all
  state       enabled
  secret      v1
`,
    )
    assert.equal((JSON.parse((await user.call(`webhooks get ${id} --json`)).out) as { id: string }).id, id)
  },
  empty: t => missing(t, 'webhooks get whk_gone'),
  async refused(t) {
    const { id } = await hooked(t)
    await missing(t, `webhooks get ${id}`)
  },
  failed: t => unreachable(t, 'webhooks get whk_any'),
  interrupted: t => brokenOff(t, 'webhooks get whk_any'),
})

cases('webhooks create', {
  async happy(t) {
    const user = await ana(t)
    const { code, out, err } = await user.call(`webhooks create ${receiver.url} --types deploy.*`)
    assert.deepEqual([code, told(out)], [0, 'whsec_SECRET\n'])
    assert.equal(
      told(err),
      'whk_1 is made. Try it:  slipway webhooks test whk_1\nIts secret is shown this once. Receivers verify with it that a request is from here:\n',
    )
    const id = /whk_\w+/.exec(err)?.[0] ?? ''
    const delivery = await pinged(user, id)
    const { event } = JSON.parse((await user.call(`webhooks deliveries ${id} ${delivery} --json`)).out) as {
      event: { id: string }
    }
    const received = receiver.received.find(one => one.id === event.id)
    assert.ok(received)
    assert.deepEqual(verified(out.trim(), received), event)

    const acting = world.machine.slipway.as({ tenantId: user.tenant, subject: 'ana' })
    const services = [worker(await world.machine.worker('1'))]
    const { instance, deployment } = await acting.instances.create({ name: 'shop', services })
    const ofShop = await user.call(`webhooks create ${receiver.url} --instance shop --json`)
    assert.deepEqual((JSON.parse(ofShop.out) as { instances: string[] }).instances, [instance.id])
    await acting.finished(deployment.id)
  },
  empty: { none: 'a webhook needs nothing but its URL' },
  async refused(t) {
    const user = await ana(t)
    const { code, err } = await user.call('webhooks create nonsense')
    assert.equal(code, 2)
    assert.match(err, /\/url: must be a URL/)
    assert.match((await user.call(`webhooks create ${receiver.url} --types rusty`)).err, /\/types/)
    assert.match(
      (await user.call(`webhooks create ${receiver.url} --instance gone`)).err,
      /There is no instance "gone"/,
    )
    await forbidden(t, () => `webhooks create ${receiver.url}`)
  },
  failed: t => unreachable(t, 'webhooks create https://example.com'),
  interrupted: t => uncertain(t, 'webhooks create https://example.com', 'Look:  slipway webhooks list'),
})

cases('webhooks update', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.* --description "the chat"')
    const { code, out, err } = await user.call(`webhooks update ${id} --all-types --no-description --disable`)
    assert.deepEqual([code, out, masked(err)], [0, '', 'whk_1 is changed. It is disabled.\n'])
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
    await missing(t, 'webhooks update whk_gone --disable')
  },
  async refused(t) {
    assert.equal((await (await ana(t)).call('webhooks update whk_any --enable --disable')).code, 2)
    await forbidden(t, id => `webhooks update ${id} --disable`)
  },
  failed: t => unreachable(t, 'webhooks update whk_any --disable'),
  interrupted: t => uncertain(t, 'webhooks update whk_any --disable', 'Look:  slipway webhooks get whk_any'),
})

cases('webhooks delete', {
  async happy(t) {
    const { user, id } = await hooked(t)
    const { code, out, err } = await user.call(`webhooks delete ${id} --yes`)
    assert.deepEqual([code, out, masked(err)], [0, '', 'whk_1 is deleted.\n'])
    assert.equal((await user.call('webhooks list --json')).out, '[]\n')
  },
  empty: t => missing(t, 'webhooks delete whk_gone --yes'),
  async refused(t) {
    const { user, id } = await hooked(t)
    const { code, err } = await user.call(`webhooks delete ${id}`)
    assert.deepEqual(
      [code, masked(err)],
      [
        2,
        `✖ whk_1 is deleted with its deliveries: ${masked(receiver.url)} is told of nothing any more. That is asked for, and there is no terminal.\n  Say it with the command:  --yes\n  (not_confirmed)\n`,
      ],
    )
    const asked = user.call(`webhooks delete ${id}`, { terminal: {} })
    await asked.told('Go on?')
    asked.type('n')
    assert.equal((await asked).code, 2)
    assert.equal((await user.call(`webhooks get ${id}`)).code, 0, 'it is still there')
    await forbidden(t, of => `webhooks delete ${of} --yes`)
  },
  failed: t => unreachable(t, 'webhooks delete whk_any --yes'),
  interrupted: t => brokenOff(t, 'webhooks delete whk_any --yes'),
})

cases('webhooks test', {
  async happy(t) {
    const { user, id } = await hooked(t, '--types deploy.*')
    const { code, out, err } = await user.call(`webhooks test ${id}`)
    assert.deepEqual(
      [code, masked(out + err)],
      [0, 'dlv_1\nwebhook.ping is on its way. See what comes of it:  slipway webhooks deliveries whk_1 dlv_1\n'],
    )
    await arrived(user, id, out.trim())
    const { event_type } = JSON.parse((await user.call(`webhooks test ${id} --json`)).out) as { event_type: string }
    assert.equal(event_type, 'webhook.ping')
  },
  empty: t => missing(t, 'webhooks test whk_gone'),
  async refused(t) {
    const { user, id } = await hooked(t)
    await user.call(`webhooks update ${id} --disable`)
    const { code, err } = await user.call(`webhooks test ${id}`)
    assert.equal(code, 6)
    assert.match(err, /\(webhook_disabled, req_/)
  },
  failed: t => unreachable(t, 'webhooks test whk_any'),
  interrupted: t => uncertain(t, 'webhooks test whk_any', 'Look:  slipway webhooks deliveries whk_any'),
})

cases('webhooks rotate', {
  async happy(t) {
    const { user, id, secret } = await hooked(t)
    const { code, out, err } = await user.call(`webhooks rotate ${id}`)
    assert.deepEqual([code, told(out)], [0, 'whsec_SECRET\n'])
    assert.notEqual(out.trim(), secret)
    assert.equal(
      told(err),
      'whk_1 has a new secret.\nRequests are signed with the old one as well until TIME.\nIts secret is shown this once. Receivers verify with it that a request is from here:\n',
    )
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
  empty: t => missing(t, 'webhooks rotate whk_gone'),
  async refused(t) {
    const { code, err } = await (await ana(t)).call('webhooks rotate whk_any --overlap long')
    assert.equal(code, 2)
    assert.match(err, /It looks like 90s, 15m, 12h or 90d\./)
    await forbidden(t, id => `webhooks rotate ${id}`)
  },
  failed: t => unreachable(t, 'webhooks rotate whk_any'),
  interrupted: t =>
    uncertain(
      t,
      'webhooks rotate whk_any',
      'The secret is not to be had a second time. Make a new one:  slipway webhooks rotate whk_any',
    ),
})

cases('webhooks deliveries', {
  async happy(t) {
    const { user, id } = await hooked(t)
    const delivery = await pinged(user, id)
    const { code, out, err } = await user.call(`webhooks deliveries ${id} -n 1`)
    assert.deepEqual([code, err], [0, ''])
    assert.equal(told(out), 'ID  EVENT  STATE  ATTEMPTS  LAST  CREATED\ndlv_1  webhook.ping  delivered  1  200  AGO\n')
    assert.equal(
      told((await user.call(`webhooks deliveries ${id} ${delivery}`)).out),
      'dlv_1\n  event webhook.ping evt_1\n  state delivered\n\nAGO  ANSWER  TOOK  SAID\nAGO  200  TOOK  -\n',
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
    const { code, out, err } = await user.call(`webhooks deliveries ${id}`)
    assert.deepEqual(
      [code, out, masked(err)],
      [0, '', 'Nothing was sent to it yet. Try it:  slipway webhooks test whk_1\n'],
    )
    assert.equal((await user.call(`webhooks deliveries ${id} --state failed`)).err, 'No delivery is like this.\n')
    assert.equal((await user.call(`webhooks deliveries ${id} --json`)).out, '[]\n')
    await missing(t, 'webhooks deliveries whk_gone')
  },
  async refused(t) {
    const { user, id } = await hooked(t)
    const { code, err } = await user.call(`webhooks deliveries ${id} --state rusty`)
    assert.equal(code, 2)
    assert.match(err, /state/)
    assert.equal((await user.call(`webhooks deliveries ${id} -n 0`)).code, 2)
  },
  failed: t => unreachable(t, 'webhooks deliveries whk_any'),
  interrupted: t => brokenOff(t, 'webhooks deliveries whk_any'),
})

cases('webhooks replay', {
  async happy(t) {
    const { user, id } = await hooked(t)
    const delivery = await pinged(user, id)
    const { code, out, err } = await user.call(`webhooks replay ${id} ${delivery}`)
    assert.deepEqual(
      [code, masked(out + err)],
      [0, 'dlv_1\nwebhook.ping is on its way. See what comes of it:  slipway webhooks deliveries whk_1 dlv_1\n'],
    )
    await arrived(user, id, out.trim())
    assert.ok((await user.call(`webhooks deliveries ${id} ${out.trim()}`)).out.includes(`again ${delivery}`))
    const all = await user.call(`webhooks replay ${id} --since 1h`)
    assert.deepEqual(
      [all.code, masked(all.err)],
      [0, 'Everything since TIME is sent again, in its order. See it:  slipway webhooks deliveries whk_1\n'],
    )
    const again = await user.call(`webhooks replay ${id} --since 1h --json`)
    assert.equal((JSON.parse(again.out) as { id: string }).id, id)
  },
  async empty(t) {
    assert.deepEqual(await (await ana(t)).call('webhooks replay whk_any'), {
      code: 2,
      out: '',
      err: '✖ It is not said what is sent again.\n  One delivery:  slipway webhooks replay whk_any DELIVERY\n  Everything:    slipway webhooks replay whk_any --since 2h\n  (what_again)\n',
    })
    await missing(t, 'webhooks replay whk_gone --since 1h')
  },
  async refused(t) {
    const user = await ana(t)
    assert.match(
      (await user.call('webhooks replay whk_any dlv_any --since 1h')).err,
      /and not both\.\n[^]*\(what_again\)/,
    )
    assert.match((await user.call('webhooks replay whk_any --since soon')).err, /\(bad_time\)/)
    await forbidden(t, id => `webhooks replay ${id} --since 1h`)
  },
  failed: t => unreachable(t, 'webhooks replay whk_any --since 1h'),
  interrupted: t => uncertain(t, 'webhooks replay whk_any --since 1h', 'Look:  slipway webhooks deliveries whk_any'),
})
