import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { portQueue } from '../../src/provider/process/ports.ts'
import { storedPorts } from '../../src/store/ports.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

const anyone = async () => true

async function world(t: TestContext) {
  const store = await sqliteStore({ path: ':memory:' })
  t.after(() => store.close())
  const taken = async () => [...(await store.work.takenPorts())].toSorted((a, b) => a - b)
  return { store, taken, range: [30_000, 30_004] as const }
}

describe('ports of replicas, kept in the store', () => {
  test('are never ones that the router has', async t => {
    const { store, taken, range } = await world(t)
    for (const port of [30_000, 30_002]) await store.work.reservePort(port, 'shop', 'route:web')
    const ports = storedPorts(store, portQueue(range))
    const got = await ports.reserve('shop', 'web.1', 3, anyone)
    assert.deepEqual(new Set(got), new Set([30_001, 30_003, 30_004]))
    assert.deepEqual(await taken(), [30_000, 30_001, 30_002, 30_003, 30_004])
  })

  test('are free again when their replica is gone', async t => {
    const { store, taken, range } = await world(t)
    const ports = storedPorts(store, portQueue(range))
    const first = await ports.reserve('shop', 'web.1', 2, anyone)
    await ports.reserve('shop', 'web.2', 3, anyone)
    await ports.release('shop', 'web.1')
    assert.equal((await taken()).length, 3)
    const again = await ports.reserve('shop', 'web.3', 2, anyone)
    assert.deepEqual(new Set(again), new Set(first))
  })

  test('are not kept when there are too few', async t => {
    const { store, taken, range } = await world(t)
    const ports = storedPorts(store, portQueue(range))
    const stranger = async (port: number) => port !== 30_003
    await assert.rejects(ports.reserve('shop', 'web.1', 5, stranger), e => isSlipwayError(e, 'ports_exhausted'))
    assert.deepEqual(await taken(), [])
    assert.equal((await ports.reserve('shop', 'web.2', 4, stranger)).length, 4)
  })

  test('are those of the replicas that live, after a restart', async t => {
    const { store, taken, range } = await world(t)
    await store.work.reservePort(30_004, 'shop', 'route:web')
    const before = storedPorts(store, portQueue(range))
    const [kept = 0] = await before.reserve('shop', 'web.1', 1, anyone)
    await before.reserve('shop', 'web.2', 2, anyone)

    const after = storedPorts(store, portQueue(range))
    await after.restore([{ instanceId: 'shop', replicaId: 'web.1', ports: [kept] }])
    assert.deepEqual(await taken(), [kept, 30_004])
    const rest = await after.reserve('shop', 'web.3', 3, anyone)
    assert.equal(rest.includes(kept), false)
    await after.release('shop', 'web.1')
    assert.equal((await taken()).includes(kept), false)
  })
})
