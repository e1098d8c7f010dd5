import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import type { Tenant } from '../../../src/tenant/tenant.ts'
import { aDeployment, anInstance, aRequest, everyPage, type MakeStore, someTime, world } from './fixtures.ts'

const aTenant = (id: string, more: Partial<Tenant> = {}): Tenant => ({
  id,
  createdAt: someTime,
  updatedAt: someTime,
  state: 'active',
  quota: {},
  createdBy: 'root',
  ...more,
})

export function tenantTests(makeStore: MakeStore): void {
  test('a tenant comes back as it was written, and as it was changed', async t => {
    const { store } = await world(t, makeStore)
    const [plain, full] = [
      aTenant('plain'),
      aTenant('full', { title: 'Full Ltd', state: 'suspended', reason: 'unpaid', quota: { replicas: 0 } }),
    ]
    for (const tenant of [plain, full]) await store.tenants.insert(tenant)
    assert.deepEqual(await store.tenants.get('plain'), plain)
    assert.deepEqual(await store.tenants.hold('full'), full)
    assert.equal(await store.tenants.get('acme'), undefined)
    await store.tenants.update('full', { state: 'active', reason: null, quota: { memoryBytes: 2 ** 40 } })
    assert.deepEqual(
      await store.tenants.get('full'),
      aTenant('full', { title: 'Full Ltd', quota: { memoryBytes: 2 ** 40 } }),
    )
  })

  test('a name is given once, also when its tenant was deleted, which no list shows', async t => {
    const { store } = await world(t, makeStore)
    const all = ['a', 'b', 'c'].map(id => aTenant(id))
    for (const tenant of all) await store.tenants.insert(tenant)
    await store.tenants.update('b', { state: 'deleted' })
    await assert.rejects(store.tenants.insert(aTenant('b')), error => isSlipwayError(error, 'already_exists'))
    const listed = await everyPage(options => store.tenants.list(options), 1)
    assert.deepEqual(
      listed.map(({ id }) => id),
      ['c', 'a'],
    )
    assert.equal((await store.tenants.list()).total, 2)
  })

  test('its load is its living instances with what runs and waits on them, in and outside a transaction', async t => {
    const { store, instance } = await world(t, makeStore)
    const removed = anInstance({ name: 'old', removedReplicas: { api: 3 } })
    const gone = anInstance({ name: 'gone' })
    for (const one of [removed, gone, anInstance({ tenantId: 'other' })]) await store.instances.insert(one)
    await store.instances.delete('acme', gone.id)
    for (const state of ['pending', 'running', 'succeeded'] as const) {
      await store.deploys.insertDeployment(aDeployment(instance, { state }), aRequest)
    }
    const { services } = instance
    const wanted = [
      { instanceId: instance.id, services, requests: [aRequest, aRequest] },
      { instanceId: removed.id, services, removedReplicas: { api: 3 }, requests: [] },
    ]
    assert.deepEqual(await store.tenants.loads('acme'), wanted)
    assert.deepEqual(await store.transaction(tx => tx.tenants.loads('acme')), wanted)
    assert.deepEqual(await store.tenants.loads('nobody'), [])
  })

  test('revoking all of its tokens revokes no other', async t => {
    const { store } = await world(t, makeStore)
    const token = { createdAt: someTime, name: 'ci', scopes: ['read'], createdBy: 'ana', expiresAt: someTime } as const
    await store.tokens.insert({ ...token, id: 'tok_1', tenantId: 'acme' }, 'aa')
    await store.tokens.insert({ ...token, id: 'tok_2', tenantId: 'other' }, 'bb')
    await store.tokens.revokeAll('acme', someTime)
    assert.equal((await store.tokens.get('acme', 'tok_1'))?.revokedAt, someTime)
    assert.equal((await store.tokens.get('other', 'tok_2'))?.revokedAt, undefined)
  })
}
