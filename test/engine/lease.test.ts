import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Store } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house, quick, successor, web } from './harness.ts'
import { names, running, traffic } from './look.ts'
import { atGate, stuck } from './scenes.ts'
import { assertSound, settled } from './sound.ts'

describe('a control plane that was cut off from its store', () => {
  test('does nothing any more once another one owns the instance, whatever it still believes', async t => {
    const { h, store, cut } = await severable(t)
    const shop = await h.shop()
    const asked = await stuck(h, shop)
    cut.off = true
    const next = await successor(t, h, { store: store() })
    const epoch = async () => (await next.store.work.load(shop.id))?.epoch ?? 0
    await next.when(async () => (await next.store.work.load(shop.id))?.owner !== undefined)
    for (const { name } of h.world.replicas(shop.id)) h.world.crash(shop.id, name)
    await next.acme.cancel(asked.id)
    const end = await next.end(asked)
    assert.equal(end.state, 'cancelled')
    assert.equal(end.restored, true)
    await next.clock.advance(20_000)
    await settled(next, shop.id)
    const accepted = h.world.calls.filter(call => call.outcome === 'accepted').map(call => call.epoch)
    assert.deepEqual(
      accepted,
      accepted.toSorted((a, b) => a - b),
      'nothing was done under an epoch that was over',
    )
    assert.ok((await epoch()) > 1)
    assert.deepEqual(running(next, shop.id).web, ['fake:web-1', 'fake:web-1'])
    assert.deepEqual(traffic(next, shop.id).web, { 'fake:web-1': 100 })
    await assertSound(next, shop.id)
    cut.off = false
  })

  test('stops acting before its lease runs out, though nobody has taken it', async t => {
    const { h, cut } = await severable(t)
    const shop = await h.shop()
    await stuck(h, shop)
    cut.off = true
    await h.clock.advance(3100)
    const calls = h.world.calls.length
    const tables = h.router.applied.length
    for (const { name } of h.world.replicas(shop.id)) h.world.crash(shop.id, name)
    await h.clock.advance(30_000)
    assert.equal(h.world.calls.length, calls)
    assert.equal(h.router.applied.length, tables)
    cut.off = false
    await h.when(() => h.world.calls.length > calls)
  })

  test('takes everything up again as a new worker when the store is back', async t => {
    const { h, cut } = await severable(t)
    const shop = await h.shop()
    h.world.script({ image: 'fake:web-2' }, { readyMs: 15_000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    const before = await h.store.work.load(shop.id)
    cut.off = true
    await h.clock.advance(10_000)
    cut.off = false
    assert.equal((await h.end(asked)).state, 'succeeded')
    const after = await h.store.work.load(shop.id)
    assert.ok((after?.epoch ?? 0) > (before?.epoch ?? 0))
    await settled(h, shop.id)
    await assertSound(h, shop.id)
  })
})

describe('a lease', () => {
  test('is given back when nothing is left to do, and while a deployment waits for a word', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    const paused = await atGate(h, shop)
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
    await h.acme.promote(paused.id)
    assert.equal((await h.end(paused)).state, 'succeeded')
    await h.when(async () => (await h.store.work.load(shop.id))?.owner === undefined)
  })

  test('is given back when Slipway is closed, and another one goes on where it was', async t => {
    const { h, store } = await severable(t)
    const shop = await h.shop()
    h.world.script({ image: 'fake:web-2' }, { readyMs: 3000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    const before = running(h, shop.id)
    const another = store()
    await h.until(h.slipway.close())
    assert.deepEqual(running(h, shop.id), before, 'what runs goes on running')
    assert.equal((await another.work.load(shop.id))?.owner, undefined)
    const next = await successor(t, h, { store: another })
    assert.equal((await next.end(asked)).state, 'succeeded')
    await settled(next, shop.id)
    await assertSound(next, shop.id)
  })

  test('goes on under an epoch of its own for each deployment, and what is still under way then is not refused or taken for another time', async t => {
    const h = await house(t)
    const api = { name: 'api', image: 'fake:api-1', ports: [{ name: 'http' }], healthCheck: quick, replicas: 2 }
    const shop = await h.shop({ services: [web('fake:web-1'), api] })
    const options = { steps: [50], holdSeconds: 10, keepWarmSeconds: 0 }
    const to = (image: string) => ({ instanceId: shop.id, services: [{ name: 'web', image }] })
    const first = await h.acme.deploy({ ...to('fake:web-2'), strategy: 'canary', options })
    await h.reach(first, now => now.reason?.code === 'baking')
    const claimed = (await h.store.work.load(shop.id))?.epoch ?? 0
    const second = await h.acme.deploy(to('fake:web-3'))
    // The removal of what died and the start of its successor both land when the second deployment has long begun.
    for (const method of ['stop', 'start'] as const) h.world.fault({ method, effectMs: 60_000, answerMs: 60_000 })
    const [one = '', two = ''] = names(h, shop.id, 'api')
    h.world.crash(shop.id, one)
    h.world.fault({ method: 'start', effectMs: 60_000, answerMs: 60_000 })
    h.world.crash(shop.id, two)
    for (const deployment of [first, second]) assert.equal((await h.end(deployment)).state, 'succeeded')
    const landed = h.world.calls.filter(({ epoch }) => epoch > claimed)
    assert.ok(
      landed.some(({ method, args }) => method === 'start' && JSON.stringify(args).includes('api')),
      'a start landed late',
    )
    await settled(h, shop.id)
    assert.deepEqual([h.world.refused, h.router.refused], [0, 0])
    assert.equal((await h.acme.instances.get(shop.id)).needsAttention, undefined)
    assert.equal(h.router.applied.at(-1)?.table.epoch, (await h.store.work.load(shop.id))?.epoch)
    await assertSound(h, shop.id)
  })

  test('of one instance does not hold up another', async t => {
    const h = await house(t)
    const one = await h.shop({ services: [web('fake:web-1')] })
    const two = await h.shop({ name: 'other', services: [web('fake:web-1')] })
    await stuck(h, one)
    const services = [{ name: 'web', image: 'fake:web-2' }]
    assert.equal((await h.end(await h.acme.deploy({ instanceId: two.id, services }))).state, 'succeeded')
  })
})

/** A house that can be cut off from its store, which is closed with the last who uses it. */
async function severable(t: TestContext): Promise<{ h: House; store: () => Store; cut: { off: boolean } }> {
  const clock = fakeClock()
  const inner = await sqliteStore({ path: ':memory:', clock })
  const cut = { off: false }
  let users = 1
  const leave = async (): Promise<void> => {
    users -= 1
    if (users === 0) await inner.close()
  }
  const shared = (): Store => {
    users += 1
    return { ...inner, close: leave }
  }
  const through = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (cut.off) return Promise.reject(new SlipwayError('unavailable', 'The store does not answer.'))
          return Reflect.apply(value, target, args)
        }
      },
    })
  const store: Store = {
    ...through(inner),
    storeId: inner.storeId,
    deploys: through(inner.deploys),
    instances: through(inner.instances),
    events: through(inner.events),
    secrets: through(inner.secrets),
    work: through(inner.work),
    transaction: work => through(inner).transaction(work),
    close: leave,
  }
  return { h: await house(t, { clock, store }), store: shared, cut }
}
