import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { fakeClock } from '../../../src/provider/fake/clock.ts'
import { fakeRouter } from '../../../src/router/fake/router.ts'
import type { RouteTable } from '../../../src/router/router.ts'
import { fenceOf } from '../../provider/fake/revision.ts'

function table(epoch: number, version: number, weight = 100, state: 'serving' | 'draining' = 'serving'): RouteTable {
  const endpoints = [{ replica: 'r1', address: { host: 'fake.invalid', port: 1 }, state }]
  const web = { port: 20_000, hosts: [], revisions: { 'a.1': { weight, endpoints } } }
  return { instanceId: 'inst_1', storeId: 'store_1', epoch, version, services: { web } }
}

test('a higher table is taken, the same one acknowledged again, a lower or changed one refused and counted', async () => {
  const router = fakeRouter()
  await router.apply(table(1, 1), fenceOf(1))
  await router.apply(table(1, 2, 50), fenceOf(1))
  await router.apply(table(1, 2, 50), fenceOf(1))
  await router.apply(table(2, 1), fenceOf(2))
  for (const late of [table(1, 3), table(2, 1, 40)]) {
    await assert.rejects(router.apply(late, fenceOf(1)), error => isSlipwayError(error, 'lease_lost'))
  }
  assert.equal(router.refused, 2)
  assert.deepEqual(await router.observe('inst_1'), table(2, 1))
  assert.deepEqual(
    router.applied.map(({ table }) => table.services['web']?.revisions['a.1']?.weight),
    [100, 50, 100],
  )
})

test('a table that arrives after its instance was forgotten by a higher epoch stays out', async () => {
  const router = fakeRouter()
  await router.apply(table(1, 1), fenceOf(1))
  await router.forget('inst_1', fenceOf(2))
  assert.equal(await router.observe('inst_1'), undefined)
  await assert.rejects(router.apply(table(1, 9), fenceOf(1)), error => isSlipwayError(error, 'lease_lost'))
})

test('a drain waits for what is in flight, cuts it at the deadline, and refuses what still serves', async () => {
  const clock = fakeClock()
  const router = fakeRouter({ clock })
  const signal = new AbortController().signal
  await router.apply(table(1, 1), fenceOf(1))
  await assert.rejects(router.drain('inst_1', ['r1'], 1000, signal), error => isSlipwayError(error, 'internal'))
  await router.apply(table(1, 2, 100, 'draining'), fenceOf(1))
  router.setInFlight('r1', { requests: 2, endsAfterMs: 300 })
  const drained = router.drain('inst_1', ['r1'], 1000, signal)
  await clock.advance(300)
  assert.deepEqual(await drained, { drained: true, cutRequests: 0, openWebSockets: 0 })
  router.setInFlight('r1', { requests: 2, webSockets: 1, endsAfterMs: 'never' })
  const cut = router.drain('inst_1', ['r1'], 1000, signal)
  await clock.advance(1000)
  assert.deepEqual(await cut, { drained: false, cutRequests: 2, openWebSockets: 1 })
})

test('traffic is what the test says, ports are not given twice, and a proxy can lose everything', async () => {
  const router = fakeRouter()
  await router.apply(table(1, 1), fenceOf(1))
  router.setTraffic('inst_1', { service: 'web', revision: 'a.1', requests: 10 })
  router.setTraffic('inst_1', { service: 'web', revision: 'a.1', requests: 30, errors: 2 })
  assert.deepEqual(
    (await router.traffic('inst_1')).map(({ requests, errors }) => [requests, errors]),
    [[30, 2]],
  )
  assert.equal(await router.allocatePort(new Set([20_001])), 20_002)
  router.forgetAll()
  assert.equal(await router.observe('inst_1'), undefined)
  await router.apply(table(1, 1), fenceOf(1))
})
