import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import type { Instance } from '../../../src/instance/instance.ts'
import { anInstance, everyPage, type MakeStore, world } from './fixtures.ts'

const taken = (error: unknown) => isSlipwayError(error, 'already_exists')

export function instanceTests(makeStore: MakeStore): void {
  test('an instance comes back as it was written, by id and by name, absent fields absent', async t => {
    const { store, instance } = await world(t, makeStore)
    const full = anInstance({ ...fullFields, name: 'full' })
    await store.instances.insert(full)
    assert.deepEqual(await store.instances.get('acme', instance.id), instance)
    assert.deepEqual(await store.instances.get('acme', full.id), full)
    assert.deepEqual(await store.instances.bySlug('acme', 'full'), full)
  })

  test('a patch of an instance sets, takes away and stamps', async t => {
    const { store, instance, clock } = await world(t, makeStore)
    assert.equal(await store.instances.update(instance.id, fullFields), true)
    const updatedAt = new Date(clock.now()).toISOString()
    assert.deepEqual(await store.instances.get('acme', instance.id), { ...instance, ...fullFields, updatedAt })
    clock.advance(5)
    const gone = { needsAttention: null, removedReplicas: null, expose: null, currentReleaseId: null } as const
    const back = { hosts: [], policies: {}, urls: {} }
    assert.equal(await store.instances.update(instance.id, { ...gone, ...back }), true)
    const stamped = new Date(clock.now()).toISOString()
    assert.deepEqual(await store.instances.get('acme', instance.id), { ...instance, updatedAt: stamped })
  })

  test('an instance changes only while it is in one of the expected states', async t => {
    const { store, instance } = await world(t, makeStore)
    assert.equal(await store.instances.update(instance.id, { state: 'stopped' }, ['stopping']), false)
    assert.equal(await store.instances.update(instance.id, { state: 'stopping' }, ['running', 'failed']), true)
    assert.equal(await store.instances.update('inst_none', { state: 'stopping' }), false)
    assert.equal((await store.instances.get('acme', instance.id))?.state, 'stopping')
  })

  test('a name is taken once per tenant, by insert and by update', async t => {
    const { store, instance } = await world(t, makeStore)
    const second = anInstance({ name: 'second' })
    await store.instances.insert(second)
    await store.instances.insert(anInstance({ tenantId: 'other' }))
    await assert.rejects(store.instances.insert(anInstance()), taken)
    await assert.rejects(store.instances.update(second.id, { name: 'shop' }), taken)
    assert.equal(await store.instances.countPerTenant('acme'), 2)
    assert.equal(await store.instances.update(instance.id, { name: 'kiosk' }), true)
    assert.equal(await store.instances.update(second.id, { name: 'shop' }), true)
  })

  test('of many that create one name at once exactly one succeeds', async t => {
    const { store } = await world(t, makeStore)
    const tries = Array.from({ length: 8 }, () => store.instances.insert(anInstance({ name: 'rush' })))
    const results = await Promise.allSettled(tries)
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal(await store.instances.countPerTenant('acme'), 2)
  })

  test('instances are listed newest first, each once, while more are added', async t => {
    const { store } = await world(t, makeStore)
    let made = 0
    const add = () => store.instances.insert(anInstance({ name: `n${++made}` }))
    for (let i = 0; i < 6; i++) await add()
    await store.instances.insert(anInstance({ tenantId: 'other' }))
    const all = await everyPage(o => store.instances.list('acme', o), 2, add)
    assert.deepEqual(
      all.map(({ name }) => name),
      ['n6', 'n5', 'n4', 'n3', 'n2', 'n1', 'shop'],
    )
    assert.equal((await store.instances.list('acme', { limit: 1 })).total, made + 1)
    assert.deepEqual(await store.instances.list('nobody'), { items: [], total: 0 })
  })

  test('a deleted instance leaves a tombstone: its name and ports are free, its counters go on', async t => {
    const { store, instance } = await world(t, makeStore)
    await store.deploys.nextReleaseVersion('acme', instance.id)
    await store.work.reservePort(20_001, instance.id, 'router')
    await store.work.patch(instance.id, { ports: { web: 20_001 } })
    await store.work.registerWorker('w1')
    await store.work.claim('w1', instance.id)
    assert.equal(await store.instances.delete('other', instance.id), false)
    assert.equal(await store.instances.delete('acme', instance.id), true)
    assert.equal(await store.instances.delete('acme', instance.id), false)

    assert.equal((await store.instances.get('acme', instance.id))?.state, 'deleted')
    assert.equal(await store.instances.bySlug('acme', 'shop'), undefined)
    assert.deepEqual(await store.instances.list('acme'), { items: [], total: 0 })
    assert.equal(await store.instances.countPerTenant('acme'), 0)
    assert.equal(await store.instances.update(instance.id, { name: 'x' }), false)
    assert.deepEqual(await store.work.takenPorts(), new Set())
    assert.deepEqual((await store.work.load(instance.id))?.ports, {})
    assert.equal((await store.work.load(instance.id))?.epoch, 1)
    assert.equal(await store.deploys.nextReleaseVersion('acme', instance.id), 2)
    await store.instances.insert(anInstance())
    assert.equal(await store.instances.countPerTenant('acme'), 1)
  })

  test("another tenant's instance is one that does not exist", async t => {
    const { store, instance } = await world(t, makeStore)
    assert.equal(await store.instances.get('other', instance.id), undefined)
    assert.equal(await store.instances.bySlug('other', instance.name), undefined)
    assert.equal(await store.instances.countPerTenant('other'), 0)
  })
}

const fullFields = {
  needsAttention: 'Look.',
  removedReplicas: { worker: 2 },
  expose: 'web',
  hosts: ['shop.example'],
  policies: { strategy: 'canary', drainMs: 0 },
  currentReleaseId: 'rel_1',
  urls: { web: 'http://127.0.0.1:20001' },
} as const satisfies Partial<Instance>
