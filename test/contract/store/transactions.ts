import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { aDeployment, anInstance, aRelease, aRequest, type MakeStore, world } from './fixtures.ts'

export function transactionTests(makeStore: MakeStore): void {
  test('a transaction writes across all ports, or nowhere', async t => {
    const { store, instance } = await world(t, makeStore)
    const deployment = aDeployment(instance)
    const release = aRelease(instance, 1)
    const writeAll = (fail: boolean) =>
      store.transaction(async tx => {
        await tx.deploys.insertDeployment(deployment, aRequest)
        await tx.deploys.insertRelease(release)
        await tx.deploys.activateRelease(instance.id, release.id, release.createdAt)
        await tx.instances.update(instance.id, { currentReleaseId: release.id })
        await tx.instances.insert(anInstance({ name: 'second' }))
        await tx.work.signal({ deploymentId: deployment.id, instanceId: instance.id, kind: 'cancel', by: 'ann' })
        await tx.events.append({ type: 'deploy.queued', tenantId: 'acme' })
        // What it wrote it sees.
        assert.equal((await tx.deploys.activeRelease('acme', instance.id))?.id, release.id)
        if (fail) throw new Error('changed my mind')
        return release.version
      })

    await assert.rejects(writeAll(true), /changed my mind/)
    assert.equal(await store.deploys.getDeployment('acme', deployment.id), undefined)
    assert.deepEqual(await store.deploys.listDeployments('acme', instance.id), { items: [], total: 0 })
    assert.deepEqual(await store.deploys.listReleases('acme', instance.id), { items: [], total: 0 })
    assert.deepEqual(await store.instances.get('acme', instance.id), instance)
    assert.equal(await store.instances.countPerTenant('acme'), 1)
    assert.equal((await store.work.load(instance.id))?.signalSeq, 0)
    assert.equal(await store.events.lastSeq(), 0)

    assert.equal(await writeAll(false), 1)
    assert.equal((await store.deploys.listDeployments('acme', instance.id)).total, 1)
    assert.equal((await store.instances.get('acme', instance.id))?.currentReleaseId, release.id)
    assert.equal(await store.instances.countPerTenant('acme'), 2)
  })

  test('nobody outside sees a transaction before it is done', async t => {
    const { store, instance } = await world(t, makeStore)
    const written = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const ending = store.transaction(async tx => {
      await tx.instances.update(instance.id, { state: 'stopping' })
      written.resolve()
      await mayEnd.promise
      throw new Error('no')
    })
    await written.promise
    const reading = store.instances.get('acme', instance.id)
    mayEnd.resolve()
    await assert.rejects(ending, /^Error: no$/)
    assert.equal((await reading)?.state, 'running')
  })

  test('transactions that read and then write do not lose each other’s writes', async t => {
    const { store, instance } = await world(t, makeStore)
    const addOne = () =>
      store.transaction(async tx => {
        const seen = (await tx.work.load(instance.id))?.generations.web ?? 0
        await tx.work.patch(instance.id, { generations: { web: seen + 1 } })
      })
    await Promise.all(Array.from({ length: 40 }, addOne))
    assert.deepEqual((await store.work.load(instance.id))?.generations, { web: 40 })
  })

  test('a store of a transaction that has ended is refused', async t => {
    const { store, instance } = await world(t, makeStore)
    const kept = await store.transaction(async tx => tx)
    await assert.rejects(kept.instances.update(instance.id, { state: 'failed' }))
    assert.equal((await store.instances.get('acme', instance.id))?.state, 'running')
  })

  test('a refused write inside a transaction is told with its code, and the store goes on', async t => {
    const { store } = await world(t, makeStore)
    const twice = store.transaction(tx => tx.instances.insert(anInstance()))
    await assert.rejects(twice, e => isSlipwayError(e, 'already_exists'))
    await store.instances.insert(anInstance({ name: 'second' }))
  })

  test('closing lets what is under way end, refuses what comes after, and may be asked twice', async t => {
    const { store, instance } = await world(t, makeStore)
    const begun = Promise.withResolvers<void>()
    const writing = store.transaction(async tx => {
      begun.resolve()
      for (let i = 1; i <= 20; i++) await tx.work.patch(instance.id, { generations: { web: i } })
      return tx.work.load(instance.id)
    })
    await begun.promise
    const closing = [store.close(), store.close()]
    await assert.rejects(store.events.lastSeq(), e => isSlipwayError(e, 'closed'))
    assert.deepEqual((await writing)?.generations, { web: 20 })
    await Promise.all(closing)
    await assert.rejects(
      store.transaction(async () => 1),
      e => isSlipwayError(e, 'closed'),
    )
  })

  test('every store has an id of its own', async t => {
    const [a, b] = [await world(t, makeStore), await world(t, makeStore)]
    assert.match(a.store.storeId, /^store_[0-9a-z]{26}$/)
    assert.notEqual(a.store.storeId, b.store.storeId)
  })
}
