import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { csvLine } from '../../src/audit/csv.ts'
import { SlipwayError } from '../../src/errors.ts'
import { createServer } from '../../src/server/index.ts'
import { audience, type LocalIssuer, startIssuer } from '../auth/oidc/issuer.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { listenTo } from './listener.ts'
import { type Customer, type Json, startWorld, type World } from './world.ts'

// What somebody would try who means ill: each of these once worked.

const over: (() => unknown)[] = []
let issuers: readonly LocalIssuer[]
let world: World
let customer: Customer
let shop: Json
before(async () => {
  issuers = [await startIssuer(), await startIssuer()]
  over.push(...issuers.map(issuer => () => issuer.close()))
  const rule = { match: { repository: 'acme/shop' }, tenant: 't1', subject: 'ci' }
  const machine = await startMachine({
    oidc: issuers.map(({ url: issuer }, n) => ({
      issuer,
      audience,
      rules: [
        { ...rule, match: { ...rule.match, ref: 'refs/heads/main' }, scopes: ['admin' as const] },
        { ...rule, scopes: [n === 0 ? ('admin' as const) : ('read' as const)] },
      ],
    })),
  })
  over.push(() => machine.dispose())
  world = await startWorld({ after: end => void over.push(end as () => unknown) }, { beatMs: 50 }, machine)
  customer = await world.tenant()
  const acting = machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
  const { instance, deployment } = await acting.instances.create({
    name: 'shop',
    services: [worker(await machine.worker('1'))],
  })
  await acting.finished(deployment.id)
  shop = instance
})
after(async () => {
  for (const end of over.reverse()) await end()
})

describe('without a token', () => {
  test('nobody has the document made anew: it is made once, however often it is asked for', async () => {
    const document = async () => await (await world.server.fetch(new Request('http://x/v1/openapi.json'))).text()
    const first = await document()
    const began = performance.now()
    for (let n = 0; n < 100; n++) assert.equal(await document(), first)
    const ms = performance.now() - began
    assert.ok(ms < 5_000, `a hundred took ${Math.round(ms)} ms; made anew each time, they take three times the limit`)
  })

  test('nobody has the parts looked at more than once at a time, however many ask whether they answer', async () => {
    const { slipway } = world.machine
    let looks = 0
    const counted = {
      ...slipway,
      space: async () => {
        looks++
        return await slipway.space()
      },
    }
    const server = createServer(counted)
    const ask = async () => (await server.fetch(new Request('http://x/readyz'))).status
    assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, ask))), new Set([200]))
    assert.ok(looks <= 2, `looked ${looks} times`)
  })
})

describe('a body', () => {
  test('that is nested a hundred thousand times is refused, and brings down no parser behind the first', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const options = `{"services":[{"name":"worker","image":"file:x"}],"strategy":"canary","options":{"x":${deep}}}`
    for (const path of ['deployments', 'plan']) {
      const refused = await customer.send('POST', `/v1/instances/${shop.id}/${path}`, { body: options })
      assert.deepEqual([refused.status, refused.body.code], [400, 'invalid_request'])
      assert.match(refused.body.detail, /nested/)
    }
  })

  test('may hold as many brackets as it likes inside of a text', async () => {
    const value = `"\\${'[{'.repeat(500)}`
    assert.equal((await customer.send('POST', '/v1/secrets', { body: { name: 'brackets', value } })).status, 201)
  })
})

describe('a token', () => {
  test('of an operator that is for some instances only has nothing to say of tenants, nor to hear of all of them', async () => {
    const body = { name: 'narrow', scopes: ['admin'], instances: [shop.id] }
    const { secret: token } = (await world.send('POST', '/v1/tokens?tenant=*', { token: world.operator, body })).body
    const tenants = async (): Promise<Json> => (await world.send('GET', '/v1/tenants', { token: world.operator })).body
    const before = await tenants()
    for (const [method, path, body] of [
      ['POST', '/v1/tenants', { id: 'evil' }],
      ['GET', '/v1/tenants', undefined],
      ['GET', '/metrics', undefined],
    ] as const) {
      const refused = await world.send(method, path, { token, body })
      assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden'], path)
    }
    assert.deepEqual(await tenants(), before)
    const own = await world.send('GET', `/v1/instances/${shop.id}?tenant=${customer.id}`, { token })
    assert.equal(own.status, 200)
  })

  test('that is good in some networks only keeps its stream there, and loses it when it is revoked', async () => {
    const home = await customer.issue({ name: 'home', scopes: ['read'], allowedIps: ['127.0.0.1'] })
    const listener = await listenTo(`${world.url}/v1/events/stream`, { authorization: `Bearer ${home.secret}` })
    await world.machine.slipway.bus.publish({ type: 'instance.updated', tenantId: customer.id, data: { n: 1 } })
    await listener.until(({ data }) => data.data?.n === 1)
    const ended = listener.next()
    for (const began = performance.now(); listener.comments() < 3; ) {
      const first = await Promise.race([ended.then(() => 'over'), new Promise(resolve => setTimeout(resolve, 20))])
      assert.notEqual(first, 'over', 'it was cut off at a beat')
      assert.ok(performance.now() - began < 20_000, 'no beat came')
    }
    await customer.send('DELETE', `/v1/tokens/${home.id}`, { headers: { 'if-match': '*' } })
    assert.equal(await ended, undefined)
  })

  test('that may only read has no folder of this machine looked at, and copied, by a plan', async () => {
    const { secret: token } = await customer.issue({ name: 'reader', scopes: ['read'] })
    for (const image of ['file:/etc', 'file:/nowhere', 'npm:left-pad@1.3.0']) {
      const body = { services: [{ name: 'worker', image }] }
      const refused = await world.send('POST', `/v1/instances/${shop.id}/plan`, { token, body })
      assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden'], image)
    }
  })

  test('has no more streams open than it may, and another one when it has closed one', async () => {
    const server = createServer(world.machine.slipway, { maxStreams: 2 })
    over.push(() => server.close())
    const { url } = await server.listen()
    const { secret } = await customer.issue({ name: 'listener', scopes: ['read'] })
    const listen = async (path = '/v1/events/stream') =>
      await listenTo(`${url}${path}`, { authorization: `Bearer ${secret}` })
    const logs = `/v1/instances/${shop.id}/logs/stream`
    const open = [await listen(), await listen(logs)]
    assert.deepEqual(
      open.map(({ status }) => status),
      [200, 200],
    )
    for (const path of [undefined, logs]) assert.equal((await listen(path)).status, 429)
    for (const listener of open) {
      listener.cut()
      const next = await until('a place for another', async () => {
        const one = await listen()
        return one.status === 200 && one
      })
      over.push(() => next.cut())
    }
  })

  test('gives the place of a stream back whose beginning could not be found', async t => {
    const server = createServer(world.machine.slipway, { maxStreams: 1 })
    over.push(() => server.close())
    const { url } = await server.listen()
    const { secret } = await customer.issue({ name: 'finder', scopes: ['read'] })
    const listen = async (path: string) => await listenTo(`${url}${path}`, { authorization: `Bearer ${secret}` })
    const [provider] = world.machine.slipway.providers.list()
    assert.ok(provider)
    const { mock } = t.mock.method(provider, 'logs', () => {
      throw new SlipwayError('unavailable', 'The log cannot be read.')
    })
    const found = `/v1/instances/${shop.id}/logs/stream?grep=x`
    for (let n = 0; n < 2; n++) assert.equal((await listen(found)).status, 503)
    mock.restore()
    const next = await listen('/v1/events/stream')
    over.push(() => next.cut())
    assert.equal(next.status, 200)
  })

  test('that is genuine and that nothing here is for is counted as a failure of its address, as one that was revoked is', async () => {
    const server = createServer(world.machine.slipway, { rateLimits: { failure: 2 } })
    const ask = async (token: string, remoteAddress: string) =>
      (
        await server.fetch(new Request('http://x/v1/whoami', { headers: { authorization: `Bearer ${token}` } }), {
          incoming: { socket: { remoteAddress } },
        })
      ).status
    const stranger = await (issuers[0] as LocalIssuer).token({ repository: 'evil/shop' })
    const statuses = []
    for (let n = 0; n < 3; n++) statuses.push(await ask(stranger, '192.0.2.1'))
    assert.deepEqual(statuses, [403, 403, 429])
    const once = await customer.issue({ name: 'once', scopes: ['read'] })
    assert.equal(await ask(once.secret, '192.0.2.2'), 200)
    await customer.send('DELETE', `/v1/tokens/${once.id}`, { headers: { 'if-match': '*' } })
    const after = []
    for (let n = 0; n < 3; n++) after.push(await ask(once.secret, '192.0.2.2'))
    assert.deepEqual(after, [401, 401, 429])
  })
})

test('an Idempotency-Key of somebody else is a key of one’s own, though both are called alike', async () => {
  const [one, other] = issuers as [LocalIssuer, LocalIssuer]
  const store = async (token: string, name: string) =>
    await world.send('POST', '/v1/secrets', {
      token,
      body: { name, value: 'x' },
      headers: { 'idempotency-key': 'run-1-1' },
    })
  assert.equal((await store(await one.token(), 'first')).status, 201)
  const theirs = await store(await other.token(), 'second')
  assert.deepEqual([theirs.status, theirs.headers.get('idempotent-replayed')], [201, null])
})

describe('a tenant', () => {
  test('that is suspended runs no task, and one that is deleted keeps no webhook', async () => {
    const tenant = await world.tenant()
    const acting = world.machine.slipway.as({ tenantId: tenant.id, subject: 'ana' })
    const { instance, deployment } = await acting.instances.create({
      name: 'shop',
      services: [worker(await world.machine.worker('1'))],
    })
    await acting.finished(deployment.id)
    await world.send('POST', '/v1/tenants', { token: world.operator, body: { id: tenant.id } })
    const by = { token: world.operator, headers: { 'if-match': '*' } }
    await world.send('PATCH', `/v1/tenants/${tenant.id}`, { ...by, body: { state: 'suspended' } })
    const task = { body: { service: 'worker', command: ['true'] } }
    const refused = await tenant.send('POST', `/v1/instances/${instance.id}/tasks`, task)
    assert.deepEqual([refused.status, refused.body.code], [403, 'tenant_suspended'])
    const gone = await world.tenant()
    await world.send('POST', '/v1/tenants', { token: world.operator, body: { id: gone.id } })
    await world.send('DELETE', `/v1/tenants/${gone.id}`, by)
    const body = { url: 'https://hooks.invalid/' }
    const hook = await world.send('POST', `/v1/webhooks?tenant=${gone.id}`, { token: world.operator, body })
    assert.deepEqual([hook.status, hook.body.code], [403, 'tenant_suspended'])
  })

  test('takes no host name that is made of the name of another', async () => {
    const neighbour = await world.tenant()
    for (const host of [`shop.${neighbour.id}.localhost`, `web.shop.${neighbour.id}.localhost`]) {
      const refused = await customer.send('PATCH', `/v1/instances/${shop.id}`, {
        body: { hosts: [host] },
        headers: { 'if-match': '*' },
      })
      assert.deepEqual([refused.status, refused.body.code], [400, 'invalid_request'], host)
      const create = { name: 'thief', hosts: [host], services: [worker('file:/nowhere')] }
      const made = await customer.send('POST', '/v1/instances', { body: create })
      assert.deepEqual([made.status, made.body.code], [400, 'invalid_request'], host)
    }
  })
})

test('a cell that a spreadsheet would take for a formula is text, in any of its forms', () => {
  for (const cell of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1+1', '＋1', '－1', '＠x'])
    assert.equal(csvLine([cell]), `"'${cell}"\r\n`)
  assert.equal(csvLine(['a"b', undefined, 'c,d']), '"a""b","","c,d"\r\n')
})
