import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { house } from './harness.ts'
import { traffic } from './look.ts'
import { assertSound, settled } from './sound.ts'

describe('a router that was started again', () => {
  test('is compared with every instance at once, not at its next turn, and given what it lost', async t => {
    const h = await house(t)
    const shops = [await h.shop(), await h.shop({ name: 'other' })]
    await Promise.all(shops.map(shop => settled(h, shop.id)))
    const from = h.clock.monotonic()
    h.router.forgetAll()
    h.router.restart()
    await h.when(() => shops.every(shop => h.router.proxy.tables.has(shop.id)))
    const tookMs = h.clock.monotonic() - from
    assert.ok(tookMs < 1000, `${tookMs} ms, and looks are 1000 ms apart`)
    for (const shop of shops) {
      await settled(h, shop.id)
      assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-1': 100 }, api: { 'fake:api-1': 100 } })
      await assertSound(h, shop.id)
    }
  })

  test('with a table of another store is given ours', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await settled(h, shop.id)
    const table = h.router.proxy.tables.get(shop.id)
    assert.ok(table)
    h.router.forgetAll()
    h.router.proxy.tables.set(shop.id, { ...table, storeId: 'store_of_another' })
    const applied: string[] = []
    const apply = h.router.apply.bind(h.router)
    h.router.apply = async (next, fence) => {
      applied.push(next.storeId)
      // The proxy of a data folder knows whose it is; the fake knows only who came first.
      h.router.proxy.tables.delete(shop.id)
      await apply(next, fence)
    }
    h.router.restart()
    await h.when(() => applied.length > 0)
    assert.deepEqual(applied.slice(0, 1), [table.storeId])
  })

  test('in the middle of a step gets its table again, and the step goes on', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const deployment = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: 'fake:web-2' }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, holdSeconds: 20 }] },
    })
    await h.when(() => traffic(h, shop.id)['web']?.['fake:web-2'] === 50)
    h.router.forgetAll()
    h.router.restart()
    await h.when(() => traffic(h, shop.id)['web']?.['fake:web-2'] === 50)
    assert.equal((await h.end(deployment)).state, 'succeeded')
    await assertSound(h, shop.id)
  })
})
