import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { everyRow } from '../support/refusal.ts'
import { worker } from '../support/services.ts'
import { type Customer, type Json, type Reply, startWorld, type World } from './world.ts'

describe('a POST with an Idempotency-Key', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  let shop: Json
  let image: string
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    customer = await world.tenant()
    image = await world.machine.worker('1')
    const tenant = world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
    const { instance, deployment } = await tenant.instances.create({ name: 'shop', services: [worker(image)] })
    await tenant.finished(deployment.id)
    shop = instance
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  const deploy = (key: string, more = {}, token = customer.token): Promise<Reply> =>
    world.send('POST', `/v1/instances/${shop.id}/deployments`, {
      token,
      body: { services: [{ name: 'worker', image }], ...more },
      headers: { 'idempotency-key': key },
    })
  const deployments = async (): Promise<number> =>
    (await customer.send('GET', '/v1/deployments?kind=deploy')).body.total

  test('is done once, and answered alike each time', async () => {
    const before = await deployments()
    const key = randomUUID()
    const first = await deploy(key)
    assert.equal(first.headers.get('idempotent-replayed'), null)
    for (let n = 0; n < 3; n++) {
      const again = await deploy(key)
      assert.deepEqual([again.status, again.body], [first.status, first.body])
      assert.equal(again.headers.get('location'), first.headers.get('location'))
      assert.equal(again.headers.get('idempotent-replayed'), 'true')
    }
    assert.equal(await deployments(), before + 1)
  })

  test('sent many times at once is done once; who comes too early is told to come again', async () => {
    const before = await deployments()
    const key = randomUUID()
    const replies = await Promise.all(Array.from({ length: 8 }, () => deploy(key)))
    const done = replies.filter(({ status }) => status === 202)
    assert.ok(done.length >= 1)
    assert.equal(new Set(done.map(({ body }) => body.id)).size, 1)
    for (const { status, body, headers } of replies.filter(reply => reply.status !== 202)) {
      assert.deepEqual([status, body.code, headers.get('retry-after')], [409, 'idempotency_in_flight', '1'])
    }
    assert.equal((await deploy(key)).body.id, done[0]?.body.id)
    assert.equal(await deployments(), before + 1)
  })

  test('is refused for another request, and belongs to its caller', async () => {
    const key = randomUUID()
    const first = await deploy(key)
    const other = await deploy(key, { notes: 'another' })
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused'])
    const path = `/v1/instances/${shop.id}/restart`
    const elsewhere = await customer.send('POST', path, { body: {}, headers: { 'idempotency-key': key } })
    assert.deepEqual([elsewhere.status, elsewhere.body.code], [422, 'idempotency_key_reused'])
    const ci = await customer.issue({ name: 'ci', scopes: ['deploy'] })
    const theirs = await deploy(key, {}, ci.secret)
    assert.equal(theirs.status, 202)
    assert.notEqual(theirs.body.id, first.body.id)
  })

  test('that was refused is as if never sent', async () => {
    const key = randomUUID()
    assert.equal((await deploy(key, { strategy: 'nope' })).body.code, 'unknown_strategy')
    assert.equal((await deploy(key)).status, 202)
  })

  test('of which a secret was told tells it no second time', async () => {
    const key = randomUUID()
    const make = (): Promise<Reply> =>
      customer.send('POST', '/v1/tokens', {
        body: { name: 'ci', scopes: ['read'] },
        headers: { 'idempotency-key': key },
      })
    const first = await make()
    assert.equal(first.status, 201)
    const again = await make()
    assert.deepEqual([again.status, again.body.code, again.body.id], [409, 'secret_already_shown', first.body.id])
    assert.ok(!JSON.stringify(everyRow(world.machine)).includes(first.body.secret))
  })

  test('leaves neither its key nor its body in the store', async () => {
    const key = randomUUID()
    const body = { name: 'db', value: 'hunter2' }
    await customer.send('POST', '/v1/secrets', { body, headers: { 'idempotency-key': key } })
    const rows = JSON.stringify(everyRow(world.machine)['requests'])
    for (const told of [key, 'hunter2']) assert.ok(!rows.includes(told), told)
  })

  test('has to be one: visible ASCII, not too long', async () => {
    for (const key of ['a b', 'x'.repeat(256)]) {
      assert.equal((await deploy(key)).body.code, 'invalid_request', key)
    }
  })

  test('is forgotten after a day', async () => {
    const key = randomUUID()
    const first = await deploy(key)
    await world.machine.slipway.store.requests.forget(new Date(Date.now() + 1000).toISOString())
    assert.notEqual((await deploy(key)).body.id, first.body.id)
  })
})
