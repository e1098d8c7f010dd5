import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import type { DeploymentFilter, InstanceFilter } from '../../../src/deploy/find.ts'
import { aDeployment, anInstance, aRequest, everyPage, type MakeStore, world } from './fixtures.ts'

export function findTests(makeStore: MakeStore): void {
  test('deployments are found across instances by instance, state, kind and release, newest first, and by their tenant only', async t => {
    const { store, instance: shop } = await world(t, makeStore)
    const [kiosk, theirs] = [anInstance({ name: 'kiosk' }), anInstance({ tenantId: 'other' })]
    for (const instance of [kiosk, theirs]) await store.instances.insert(instance)
    const one = aDeployment(shop)
    const two = aDeployment(kiosk, { state: 'running' })
    const three = aDeployment(shop, { state: 'failed', kind: 'restart', releaseId: one.releaseId })
    const foreign = aDeployment(theirs)
    for (const deployment of [one, two, three, foreign]) await store.deploys.insertDeployment(deployment, aRequest)
    const found = async (tenant: string, filter: DeploymentFilter): Promise<Deployment[]> => {
      const all = await everyPage(page => store.deploys.findDeployments(tenant, { ...filter, ...page }), 1)
      assert.equal((await store.deploys.findDeployments(tenant, filter)).total, all.length)
      return all
    }
    assert.deepEqual(await found('acme', {}), [three, two, one])
    assert.deepEqual(await found('acme', { instanceIds: [shop.id, theirs.id] }), [three, one])
    assert.deepEqual(await found('acme', { states: ['pending', 'running'] }), [two, one])
    assert.deepEqual(await found('acme', { kinds: ['deploy'] }), [two, one])
    assert.deepEqual(await found('acme', { releaseId: one.releaseId, states: ['failed'] }), [three])
    assert.deepEqual(await found('*', {}), [foreign, three, two, one])
    assert.deepEqual(await found('nobody', {}), [])
  })

  test('what has not ended is counted by state and strategy across tenants, with the oldest of each', async t => {
    const { store, instance: shop } = await world(t, makeStore)
    const theirs = anInstance({ tenantId: 'other' })
    await store.instances.insert(theirs)
    const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`
    const made = [
      aDeployment(shop, { strategy: 'canary', createdAt: at(2) }),
      aDeployment(theirs, { strategy: 'canary', createdAt: at(1) }),
      aDeployment(shop, { strategy: 'rolling', state: 'running', createdAt: at(3) }),
      aDeployment(shop, { strategy: 'canary', state: 'succeeded', createdAt: at(0) }),
    ]
    for (const deployment of made) await store.deploys.insertDeployment(deployment, aRequest)
    assert.deepEqual(await store.deploys.backlog(), [
      { state: 'pending', strategy: 'canary', count: 2, oldest: at(1) },
      { state: 'running', strategy: 'rolling', count: 1, oldest: at(3) },
    ])
  })

  test('instances are found by id, state, part of the name, release and attention', async t => {
    const { store, instance: shop } = await world(t, makeStore)
    const kiosk = anInstance({ name: 'kiosk-eu', state: 'stopped', currentReleaseId: 'rel_1' })
    const broken = anInstance({ name: 'kiosk-us', needsAttention: 'someone should look' })
    const theirs = anInstance({ tenantId: 'other', name: 'kiosk' })
    const gone = anInstance({ name: 'kiosk-old' })
    for (const instance of [kiosk, broken, theirs, gone]) await store.instances.insert(instance)
    await store.instances.delete('acme', gone.id)
    const found = async (tenant: string, filter: InstanceFilter): Promise<string[]> => {
      const all = await everyPage(page => store.instances.list(tenant, { ...filter, ...page }), 1)
      assert.equal((await store.instances.list(tenant, filter)).total, all.length)
      return all.map(({ id }) => id)
    }
    assert.deepEqual(await found('acme', {}), [broken.id, kiosk.id, shop.id])
    assert.deepEqual(await found('acme', { ids: [shop.id, theirs.id] }), [shop.id])
    assert.deepEqual(await found('acme', { statuses: ['stopped', 'deleted'] }), [gone.id, kiosk.id])
    assert.deepEqual(await found('acme', { name: 'kiosk' }), [broken.id, kiosk.id])
    assert.deepEqual(await found('acme', { releaseId: 'rel_1' }), [kiosk.id])
    assert.deepEqual(await found('acme', { statuses: ['needs_attention'] }), [broken.id])
    assert.deepEqual(await found('acme', { statuses: ['needs_attention', 'stopped'] }), [broken.id, kiosk.id])
    assert.deepEqual(await found('*', { name: 'kiosk' }), [theirs.id, broken.id, kiosk.id])
  })

  test('a summary counts living instances and what moves on them', async t => {
    const { store, instance: shop } = await world(t, makeStore)
    const kiosk = anInstance({ name: 'kiosk', state: 'stopped', needsAttention: 'someone should look' })
    const theirs = anInstance({ tenantId: 'other' })
    for (const instance of [kiosk, theirs]) await store.instances.insert(instance)
    const since = shop.createdAt
    const waits = { code: 'awaiting_promote', text: 'waits', since } as const
    const runs = { code: 'health', text: 'waits', since } as const
    const all = [
      aDeployment(shop, { state: 'running', reason: waits }),
      aDeployment(shop),
      aDeployment(shop, { state: 'failed' }),
      aDeployment(kiosk, { state: 'running', reason: runs }),
      aDeployment(theirs),
    ]
    for (const deployment of all) await store.deploys.insertDeployment(deployment, aRequest)
    assert.deepEqual(await store.instances.summary('acme'), {
      instances: { running: 1, stopped: 1 },
      needsAttention: 1,
      deployments: { pending: 1, running: 2 },
      waiting: 1,
    })
    assert.deepEqual(await store.instances.summary('acme', [kiosk.id]), {
      instances: { stopped: 1 },
      needsAttention: 1,
      deployments: { running: 1 },
      waiting: 0,
    })
    assert.deepEqual((await store.instances.summary('*')).instances, { running: 2, stopped: 1 })
  })
}
