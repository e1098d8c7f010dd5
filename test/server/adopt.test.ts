import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createServer } from '../../src/server/index.ts'
import { backupOf } from '../support/backup.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { type Json, startWorld } from './world.ts'

let machine: Machine
before(async () => {
  machine = await startMachine()
})
after(() => machine.dispose())

test('an instance whose database went back says so over HTTP, is found by it, refuses deploys, and is adopted', async t => {
  const tenant = machine.tenant()
  const { secret: token } = await tenant.acting.tokens.create({ name: 'ana', scopes: ['admin'] })
  const shop = await tenant.up([worker(await machine.worker('1'))])
  const cancelled = await tenant.acting.deploy({
    instanceId: shop.id,
    services: [{ name: 'worker', image: await machine.worker('late') }],
  })
  await tenant.acting.cancel(cancelled.id)
  await tenant.end(cancelled)
  // Under the lease that was held when it was copied, a deploy would give no epoch that the copy does not know.
  await until('its lease is free', async () => (await machine.slipway.store.work.load(shop.id))?.owner === undefined)
  const backup = backupOf(join(machine.dataDir, 'slipway.db'))
  const services = [{ name: 'worker', image: await machine.worker('2') }]
  await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services }))
  await machine.reopen(() => backup.putBack())

  const world = await startWorld(t, {}, machine)
  const send = (method: string, path: string, body?: unknown) =>
    world.send(method, path, { token, ...(body === undefined ? {} : { body }) })
  await until(
    'it is noticed',
    async () => (await send('GET', '/v1/instances?status=needs_attention')).body.items[0]?.id === shop.id,
  )
  const held = (await send('GET', `/v1/instances/${shop.id}`)).body
  assert.match(held.needs_attention, /^The database went back/)
  assert.equal(held.state, 'running')
  assert.equal((await send('GET', '/v1/instances/summary')).body.needs_attention, 1)
  const { items: replicas } = (await send('GET', `/v1/instances/${shop.id}/replicas`)).body
  assert.deepEqual(
    replicas.map((replica: Json) => replica.unwanted),
    [true],
  )
  const refused = await send('POST', `/v1/instances/${shop.id}/deployments`, { services })
  assert.deepEqual([refused.status, refused.body.code], [409, 'needs_attention'])
  const retry = async (): Promise<Json> =>
    (await send('GET', `/v1/deployments/${cancelled.id}`)).body.allowed_actions.find(
      (answer: Json) => answer.action === 'retry',
    )
  assert.match((await retry()).why, /needs attention/)

  const adopted = await send('POST', `/v1/instances/${shop.id}/adopt`)
  assert.equal(adopted.status, 200)
  assert.equal(adopted.body.instance.needs_attention, undefined)
  assert.deepEqual(
    adopted.body.leaves,
    replicas.map((replica: Json) => replica.name),
  )
  assert.equal((await retry()).allowed, true)
  const again = await send('POST', `/v1/instances/${shop.id}/adopt`)
  assert.deepEqual([again.status, again.body.code], [409, 'instance_state'])
  await until('what is stored runs', async () => {
    const { items } = (await send('GET', `/v1/instances/${shop.id}/replicas`)).body
    return items.length > 0 && items.every((replica: Json) => replica.unwanted === undefined)
  })
})

test('a server is not ready while the disk has less free than is kept in reserve', async t => {
  const space = { folder: '/data', freeBytes: 1_000_000, reserveBytes: 2_000_000 }
  const server = createServer({ ...machine.slipway, space: async () => space })
  t.after(() => server.close())
  const answer = await server.fetch(new Request('http://x/readyz'))
  assert.equal(answer.status, 503)
  const problem = (await answer.json()) as Json
  assert.match(problem.detail, /disk: 1\.0 MB are free at \/data, less than the 2\.0 MB/)
  space.freeBytes = 3_000_000
  assert.equal((await server.fetch(new Request('http://x/readyz'))).status, 200)
})
