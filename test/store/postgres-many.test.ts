import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { databaseClock } from '../../src/store/postgres/clock.ts'
import { type PostgresStoreOptions, postgresStore } from '../../src/store/postgres.ts'
import { anInstance, handClock } from '../contract/store/fixtures.ts'
import { describeOnPostgres, emptyDatabase, onServer, postgresDatabase } from '../support/postgres.ts'

describeOnPostgres('several processes on one PostgreSQL', () => {
  test('that begin at once on a new database make its tables once, and all of them find the same store', async t => {
    const url = await emptyDatabase(t)
    const stores = await Promise.all(Array.from({ length: 6 }, () => postgresStore({ url })))
    t.after(() => Promise.all(stores.map(store => store.close())))
    assert.equal(new Set(stores.map(({ storeId }) => storeId)).size, 1)
    await stores[0]?.instances.insert(anInstance())
    for (const store of stores) assert.equal(await store.instances.countPerTenant('acme'), 1)
  })

  test('take what a worker had that died, once its heartbeat is too old, and it learns of that when it comes back', async t => {
    const clock = handClock()
    const { store, other } = await two(t, { clock })
    const instance = anInstance()
    await store.instances.insert(instance)
    await store.work.registerWorker('dying')
    await other.work.registerWorker('living')
    const claim = await store.work.claim('dying', instance.id)
    assert.ok(claim)
    clock.advance(4_000)
    assert.equal(await other.work.beat('living'), true)
    assert.deepEqual(await other.work.claimDue('living', 10), [])
    clock.advance(2_000)
    assert.equal(await other.work.beat('living'), true)
    const [taken] = await other.work.claimDue('living', 10)
    assert.deepEqual(taken, { ...claim, owner: 'living', epoch: 2 })
    await assert.rejects(store.work.fence(claim), e => isSlipwayError(e, 'lease_lost'))
    assert.equal(await store.work.beat('dying'), false)
    assert.equal(await other.work.fence(taken), 0)
  })

  test('claim around an instance that somebody else writes to, and find it when that has ended', async t => {
    const { store, other } = await two(t)
    const [held, free] = [anInstance({ name: 'held' }), anInstance({ name: 'free' })]
    for (const instance of [held, free]) {
      await store.instances.insert(instance)
      await store.work.wake(instance.id)
    }
    await other.work.registerWorker('w1')
    const during = await store.transaction(async tx => {
      await tx.instances.get('acme', held.id)
      return await other.work.claimDue('w1', 10)
    })
    assert.deepEqual(idsOf(during), [free.id])
    assert.deepEqual(idsOf(await other.work.claimDue('w1', 10)), [held.id])
  })

  test('what both do to one instance is done in a row, whatever they read first', async t => {
    const { store, other } = await two(t)
    const instance = anInstance()
    await store.instances.insert(instance)
    const addOne = async (n: number): Promise<void> => {
      await (n % 2 === 0 ? store : other).transaction(async tx => {
        const read = n % 3 === 0 ? await tx.work.load(instance.id) : undefined
        const seen = read?.instance ?? (await tx.instances.get('acme', instance.id))
        await tx.instances.update(instance.id, { urls: { ...seen?.urls, [`n${n}`]: 'there' } })
      })
    }
    await Promise.all(Array.from({ length: 24 }, (_, n) => addOne(n)))
    assert.equal(Object.keys((await store.instances.get('acme', instance.id))?.urls ?? {}).length, 24)
  })

  test('two transactions that wait for each other are both done: the one that was given up is run again', async t => {
    const { store, other } = await two(t)
    const [a, b] = [anInstance({ name: 'a' }), anInstance({ name: 'b' })]
    await store.instances.insert(a)
    await store.instances.insert(b)
    const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    let runs = 0
    const both = async (of: typeof store, [first, then]: string[], me: 0 | 1): Promise<void> => {
      await of.transaction(async tx => {
        runs++
        await tx.instances.get('acme', first ?? '')
        met[me].resolve()
        await met[me === 0 ? 1 : 0].promise
        await tx.instances.update(then ?? '', { hosts: [`${me}.example`] })
        await tx.events.append({ type: 'instance.updated', tenantId: 'acme' })
      })
    }
    await Promise.all([both(store, [a.id, b.id], 0), both(other, [b.id, a.id], 1)])
    assert.equal(runs, 3)
    assert.equal((await store.events.read({ after: 0, limit: 10 })).length, 2)
    assert.deepEqual((await store.instances.get('acme', a.id))?.hosts, ['1.example'])
    assert.deepEqual((await store.instances.get('acme', b.id))?.hosts, ['0.example'])
  })

  test('a store whose connections are all in use still beats, and refuses who waits too long as overloaded', async t => {
    const { store } = await two(t, { maxConnections: 2, patienceMs: 300 })
    await store.work.registerWorker('w1')
    const mayEnd = Promise.withResolvers<void>()
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const busy = begun.map(one =>
      store.transaction(async () => {
        one.resolve()
        await mayEnd.promise
      }),
    )
    await Promise.all(begun.map(({ promise }) => promise))
    assert.equal(await store.work.beat('w1'), true)
    await assert.rejects(store.instances.list('acme'), e => isSlipwayError(e, 'overloaded'))
    mayEnd.resolve()
    await Promise.all(busy)
    assert.equal((await store.instances.list('acme')).total, 0)
  })

  test('who waits too long for what another one holds is refused as overloaded, also through a pooler', async t => {
    const url = await postgresDatabase(t)
    for (const options of [
      { url, lockMs: 200 },
      { url, lockMs: 200, listenUrl: url },
    ]) {
      const [store, other] = [await postgresStore({ url }), await postgresStore(options)]
      t.after(() => Promise.all([store.close(), other.close()]))
      const instance = anInstance({ tenantId: 'listenUrl' in options ? 'pooled' : 'direct' })
      await store.instances.insert(instance)
      await store.transaction(async tx => {
        await tx.instances.get(instance.tenantId, instance.id)
        const waiting = other.transaction(async second => await second.work.load(instance.id))
        await assert.rejects(waiting, e => isSlipwayError(e, 'overloaded') && /nothing was changed/.test(e.next ?? ''))
      })
      assert.ok(await other.transaction(async tx => await tx.work.load(instance.id)))
    }
  })

  test('the time of a store is the database’s, whatever the machine believes', async t => {
    const url = await postgresDatabase(t)
    const store = await postgresStore({ url })
    t.after(() => store.close())
    await store.work.registerWorker('w1')
    const [row] = await onServer(
      url,
      `select abs(beat_at - extract(epoch from now()) * 1000) < 5000 as near from workers`,
    )
    assert.equal(row?.['near'], true)

    let told = 5_000_000
    const clock = databaseClock(async () => told)
    await clock.look()
    assert.ok(Math.abs(clock.now() - told) < 1_000)
    told += 3_600_000
    await clock.look()
    assert.ok(Math.abs(clock.now() - told) < 1_000)
  })
})

/** Two stores on one database, as of two processes. */
async function two(t: TestContext, options: Partial<PostgresStoreOptions> = {}) {
  const url = await postgresDatabase(t)
  const [store, other] = [await postgresStore({ url, ...options }), await postgresStore({ url, ...options })]
  t.after(() => Promise.all([store.close(), other.close()]))
  return { store, other }
}

function idsOf(claims: readonly { readonly instanceId: string }[]): string[] {
  return claims.map(({ instanceId }) => instanceId)
}
