import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Store, Stores } from '../../src/deploy/work.ts'
import { newId } from '../../src/id.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { createSlipway } from '../../src/slipway.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { everyRow } from '../support/refusal.ts'
import { routed, worker } from '../support/services.ts'

describe('12. recordInitial', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('records an instance that runs already; two concurrent calls make one release, and what it says is kept running', async () => {
    const tenant = machine.tenant()
    const shop = runningAlready(tenant.id, 'process', [{ ...routed('web', await machine.server('1')), replicas: 1 }])
    await machine.slipway.store.instances.insert(shop)
    const [one, two] = await Promise.all([tenant.acting.recordInitial(shop.id), tenant.acting.recordInitial(shop.id)])
    assert.equal(one.id, two.id)
    assert.deepEqual([one.version, one.active], [1, true])
    assert.equal((await tenant.releases(shop)).length, 1)
    const { items } = await tenant.acting.listDeployments(shop.id)
    assert.deepEqual(
      items.map(({ kind, strategy, state }) => [kind, strategy, state]),
      [['initial', 'initial', 'succeeded']],
    )

    const image = await machine.server('2')
    await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] }))
    await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: one.id }))
    assert.equal((await tenant.ask('/', 'web')).told().version, '1')
  })

  test('returns the first release of an instance that has several, and writes nothing', async () => {
    const tenant = machine.tenant()
    const shop = await tenant.up([worker(await machine.worker('1'))])
    const image = await machine.worker('2')
    await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image }] }))
    const before = everyRow(machine)
    const first = await tenant.acting.recordInitial(shop.id)
    assert.deepEqual(first, (await tenant.releases(shop))[0])
    assert.equal(first.version, 1)
    assert.deepEqual(everyRow(machine), before)
  })

  for (const nth of [1, 2, 3]) {
    test(`is atomic: when event ${nth} of it cannot be written, nothing is`, t => isAtomic(t, nth))
  }
})

async function isAtomic(t: TestContext, nth: number): Promise<void> {
  const store = await sqliteStore({ path: ':memory:' })
  let left = nth
  const failing: Store = {
    ...store,
    transaction: work => store.transaction(tx => work(failingAt(tx, () => --left === 0))),
  }
  const slipway = await createSlipway({
    dataDir: tmpdir(),
    store: failing,
    providers: [fakeProvider()],
    router: fakeRouter(),
    worker: false,
  })
  t.after(() => slipway.close())
  const acting = slipway.as({ tenantId: 'acme', subject: 'ana' })
  const shop = runningAlready('acme', 'fake', [{ name: 'web', image: 'fake:1', replicas: 1 }])
  await store.instances.insert(shop)
  await assert.rejects(acting.recordInitial(shop.id), /the disk is full/)
  assert.deepEqual((await acting.listReleases(shop.id)).items, [])
  assert.deepEqual((await acting.listDeployments(shop.id)).items, [])
  assert.equal(await store.events.lastSeq(), 0)
  assert.deepEqual(await acting.instances.get(shop.id), shop)
  assert.deepEqual(await acting.recordInitial(shop.id), (await acting.listReleases(shop.id)).items[0])
}

function failingAt(tx: Stores, isNow: () => boolean): Stores {
  const append: Stores['events']['append'] = async event => {
    if (isNow()) throw new Error('the disk is full')
    return await tx.events.append(event)
  }
  return { ...tx, events: { ...tx.events, append } }
}

/** An instance that came up without us. */
function runningAlready(tenantId: string, provider: string, services: Instance['services']): Instance {
  const at = '2026-01-01T00:00:00.000Z'
  return {
    id: newId('inst'),
    createdAt: at,
    updatedAt: at,
    tenantId,
    name: 'shop',
    state: 'running',
    services,
    hosts: [],
    policies: {},
    provider,
    urls: {},
  }
}
