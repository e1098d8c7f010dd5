import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { fakeClock, fakeProvider } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { house, web } from './harness.ts'

test('a look that lands after the end leads to no probe', async t => {
  const { h, counts } = await counting(t)
  await h.clock.advance(3000)
  assert.ok(counts.probes > 0)
  h.world.fault({ method: 'observe', probability: 1, answerMs: 3000 })
  await h.clock.advance(1500)
  await h.until(h.slipway.close())
  counts.probes = 0
  await h.clock.advance(60_000)
  assert.equal(counts.probes, 0)
})

test('a look that lands after the end claims nothing, whatever it found', async t => {
  const { h, shop, counts } = await counting(t)
  h.world.fault({ method: 'observe', probability: 1, answerMs: 3000 })
  h.world.inside.listeners.clear()
  for (const { id } of h.world.replicas(shop.id)) h.world.inside.remove(id)
  await h.clock.advance(1500)
  await h.until(h.slipway.close())
  counts.claims = 0
  await h.clock.advance(60_000)
  assert.equal(counts.claims, 0)
})

/** A house with an instance at rest, whose probes and claims are counted. Platform and store outlive it. */
async function counting(t: TestContext) {
  const clock = fakeClock()
  const counts = { probes: 0, claims: 0 }
  const real = await sqliteStore({ path: ':memory:', clock })
  t.after(() => real.close())
  const claim: typeof real.work.claim = async (...args) => {
    counts.claims++
    return await real.work.claim(...args)
  }
  const store = { ...real, work: { ...real.work, claim }, close: async () => {} }
  const provider = fakeProvider({ clock })
  const probe = provider.probe?.bind(provider)
  assert.ok(probe)
  provider.probe = async (...args) => {
    counts.probes++
    return await probe(...args)
  }
  provider.close = async () => {}
  const h = await house(t, { clock, store, provider })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  await h.clock.advance(3000)
  return { h, shop, counts }
}
