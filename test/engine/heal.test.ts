import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Death } from '../../src/engine/healing.ts'
import type { EventType } from '../../src/event/event.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type House, house, successor, web } from './harness.ts'
import { names, running, traffic } from './look.ts'
import { life } from './mortal.ts'
import { assertSound, settled } from './sound.ts'

describe('an instance at rest', () => {
  for (const [how, exitCode, tale] of [
    ['exited', 3, { because: 'exited', exitCode: 3 }],
    ['was killed', 137, { because: 'killed', signal: 9 }],
    ['left no word', -1, { because: 'vanished' }],
  ] as const) {
    test(`gets a replica that ${how} back, and says once it is ready which one and why`, async t => {
      const h = await house(t)
      const shop = await h.shop()
      h.world.script({ image: 'fake:web-1' }, { readyMs: 3000 })
      const [died = ''] = names(h, shop.id, 'web')
      h.world.crash(shop.id, died, exitCode)
      await h.when(() => running(h, shop.id).web?.length === 2)
      assert.deepEqual(await told(h, shop, 'instance.healed'), [], 'not before it is ready')
      await h.when(async () => (await told(h, shop, 'instance.healed')).length > 0)
      await settled(h, shop.id)
      assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
      const [{ replica = '', ...healed } = {}, ...more] = await told(h, shop, 'instance.healed')
      assert.deepEqual(healed, { service: 'web', replaces: { replica: died, ...tale } })
      assert.ok(names(h, shop.id, 'web').includes(String(replica)))
      assert.deepEqual(more, [])
      await assertSound(h, shop.id)
    })
  }

  test('gets one back that is simply gone', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const [name = ''] = names(h, shop.id, 'web')
    h.world.inside.remove(h.world.replicas(shop.id).find(replica => replica.name === name)?.id ?? '')
    await h.when(async () => (await told(h, shop, 'instance.healed')).length > 0)
    const [healed] = await told(h, shop, 'instance.healed')
    assert.deepEqual(healed?.['replaces'], { replica: name, because: 'vanished' })
    await settled(h, shop.id)
  })

  test('gets many that end at once back at once: that is one failure, not many', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), replicas: 20 }] })
    await settled(h, shop.id)
    const began = h.clock.monotonic()
    for (const name of names(h, shop.id, 'web')) h.world.crash(shop.id, name)
    await h.when(() => running(h, shop.id).web?.length === 20)
    assert.ok(h.clock.monotonic() - began < 100, `${h.clock.monotonic() - began} ms`)
    await settled(h, shop.id)
    const again = h.clock.monotonic()
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await h.when(() => running(h, shop.id).web?.length === 20)
    assert.ok(h.clock.monotonic() - again < 2000, `${h.clock.monotonic() - again} ms, as after the second failure`)
    await settled(h, shop.id)
    await assertSound(h, shop.id)
  })

  test('gets what is warm back as well, and what died while a deployment waits to be promoted', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const deploy = (image: string, options: Record<string, unknown>) =>
      h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image }], strategy: 'blue-green', options })
    await h.end(await deploy('fake:web-2', { keepWarmSeconds: 3600 }))
    await h.reach(await deploy('fake:web-3', { preview: true }), now => now.reason?.code === 'awaiting_promote')
    const before = running(h, shop.id).web
    const all = names(h, shop.id, 'web')
    for (const name of all) h.world.crash(shop.id, name)
    await h.when(async () => (await told(h, shop, 'instance.healed')).length === all.length)
    assert.deepEqual(running(h, shop.id).web, before)
    await settled(h, shop.id)
  })

  test('starts one that crashes again and again after longer and longer pauses, and goes on for ever', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    h.world.script({ image: 'fake:web-1' }, { exit: { afterMs: 10, code: 1 } })
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await h.clock.advance(300_000)
    const at = h.world.calls.filter(call => call.method === 'start').map(call => call.at)
    const gaps = at.slice(1).map((moment, index) => moment - (at[index] ?? 0))
    assert.ok(gaps.length > 8 && gaps.length < 30, `${gaps.length} starts`)
    assert.ok((gaps.at(-1) ?? 0) >= 30_000 && (gaps.at(-1) ?? 0) < 35_000, gaps.join(', '))
    h.world.script({ image: 'fake:web-1' }, { exit: { afterMs: 0, code: 0, times: 0 } })
    const [looping, ...more] = await told(h, shop, 'instance.crash_looping')
    const last = looping?.['last'] as Death
    assert.deepEqual([looping?.['service'], looping?.['exits'], last.because], ['web', 3, 'exited'])
    assert.deepEqual(more, [], 'said once')
    assert.ok((await told(h, shop, 'instance.healed')).length <= 2, 'and it is not called healed again and again')
    await settled(h, shop.id)
    await h.when(async () => (await told(h, shop, 'instance.recovered')).length > 0)
    await h.clock.advance(120_000)
    assert.equal((await told(h, shop, 'instance.recovered')).length, 1)
    assert.equal((await told(h, shop, 'instance.crash_looping')).length, 1)
    await assertSound(h, shop.id)
  })

  test('does not fill the log with one that gets ready each time before it ends', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    h.world.script({ image: 'fake:web-1' }, { exit: { afterMs: 2000, code: 1 } })
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await h.clock.advance(600_000)
    assert.equal((await told(h, shop, 'instance.crash_looping')).length, 1)
    const healed = await told(h, shop, 'instance.healed')
    assert.ok(healed.length <= 2, `${healed.length} times healed`)
  })

  test('takes a sick replica out of traffic and back when it is well; it is not restarted', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const [sick = ''] = names(h, shop.id, 'web')
    const starts = h.world.calls.length
    h.world.setCondition(shop.id, sick, 'sick')
    await h.when(() => serving(h, shop) === 1)
    h.world.setCondition(shop.id, sick, 'scripted')
    await h.when(() => serving(h, shop) === 2)
    assert.equal(h.world.calls.length, starts)
  })

  test('gives a router that forgot everything its routes back', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.router.forgetAll()
    await settled(h, shop.id)
    assert.deepEqual(traffic(h, shop.id), { web: { 'fake:web-1': 100 }, api: { 'fake:api-1': 100 } })
  })

  test('is healed though the platform does not answer for another one, and itself when it answers again', async t => {
    const h = await house(t)
    const [hung, well] = [await h.shop(), await h.shop({ name: 'kiosk' })]
    await settled(h, hung.id)
    h.world.fault({ method: 'observe', instanceId: hung.id, probability: 1, answerMs: 3_600_000 })
    await h.clock.advance(3000)
    for (const shop of [hung, well]) h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    const began = h.clock.monotonic()
    await h.when(() => running(h, well.id).web?.length === 2)
    assert.ok(h.clock.monotonic() - began < 3000, `${h.clock.monotonic() - began} ms`)
    // Of these nobody tells: it has to be looked at.
    for (let times = 0; times < 3; times++) {
      h.router.proxy.tables.delete(well.id)
      await h.when(() => h.router.proxy.tables.has(well.id))
    }
    assert.ok(h.clock.monotonic() - began < 40_000, `${h.clock.monotonic() - began} ms`)
    const calls = h.world.calls.filter(call => call.instanceId === hung.id).length
    await h.clock.advance(60_000)
    assert.equal(h.world.calls.filter(call => call.instanceId === hung.id).length, calls, 'unknown is not gone')
    h.world.clearFaults()
    const again = h.clock.monotonic()
    await h.when(() => running(h, hung.id).web?.length === 2)
    assert.ok(h.clock.monotonic() - again < 10_000, `${h.clock.monotonic() - again} ms`)
    await settled(h, hung.id)
  })

  test('gets back what died while the router does not answer', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    first.kill()
    const next = await successor(t, h)
    next.router.fault({ method: 'observe', probability: 1, answerMs: 3_600_000 })
    next.world.crash(shop.id, names(next, shop.id, 'worker')[0] ?? '')
    await next.when(() => running(next, shop.id)['worker']?.length === 1, 60_000)
    next.router.clearFaults()
    await settled(next, shop.id)
  })

  test('is left alone while the platform does not answer: nothing is started or stopped on a guess', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const calls = h.world.calls.length
    const from = h.router.applied.length - 1
    h.world.unreachable = true
    await h.clock.advance(120_000)
    assert.equal(h.world.calls.length, calls)
    h.world.unreachable = false
    await h.clock.advance(20_000)
    assert.equal(h.world.calls.length, calls)
    const before = h.router.applied[from]?.table.services
    for (const { table } of h.router.applied.slice(from))
      assert.deepEqual(table.services, before, 'what served goes on serving')
    await assertSound(h, shop.id)
  })

  test('nor under a control plane that comes while the platform does not answer', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    const routes = h.router.proxy.tables.get(shop.id)?.services
    first.kill()
    const calls = h.world.calls.length
    h.world.unreachable = true
    const next = await successor(t, h)
    await next.clock.advance(60_000)
    assert.equal(next.world.calls.length, calls)
    assert.deepEqual(next.router.proxy.tables.get(shop.id)?.services, routes)
    next.world.unreachable = false
    await settled(next, shop.id)
    assert.equal(next.world.calls.length, calls)
  })

  test("removes what belongs to no row, and never touches a stranger's", async t => {
    const h = await house(t)
    const shop = await h.shop()
    const [name = ''] = names(h, shop.id, 'web')
    const spec = { ...h.world.specOf(shop.id, name), revision: '0123456789abcdef.9' }
    const stranger = h.world.plant({ spec, ordinal: 0, storeId: 'store_other', epoch: 99 })
    h.world.plant({ spec, ordinal: 1, storeId: h.store.storeId, epoch: 1 })
    await h.when(() => h.world.replicas(shop.id).filter(replica => replica.revision === spec.revision).length === 1)
    await h.clock.advance(30_000)
    assert.deepEqual(
      h.world
        .replicas(shop.id)
        .filter(replica => replica.revision === spec.revision)
        .map(replica => replica.id),
      [stranger.id],
    )
  })

  test('starts none under the name that a replica of somebody else has', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const [name = ''] = names(h, shop.id, 'web')
    const spec = h.world.specOf(shop.id, name)
    const stranger = h.world.plant({ spec, ordinal: 1, storeId: 'store_other', epoch: 99 })
    await h.end(await h.acme.instances.scale(shop.id, { web: 3 }))
    await h.clock.advance(10_000)
    const ours = h.world.replicas(shop.id).filter(replica => replica.storeId === h.store.storeId)
    assert.deepEqual(new Set(ours.map(replica => replica.ordinal)), new Set([0, 2, 3]))
    assert.deepEqual((await h.acme.status(shop.id)).replicas.length, 3)
    assert.ok(h.world.replicas(shop.id).some(replica => replica.id === stranger.id && replica.state === 'running'))
    assert.equal((await h.acme.instances.get(shop.id)).needsAttention, undefined)
  })

  test('costs nobody a lease while there is nothing to do', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await settled(h, shop.id)
    const before = await h.store.work.load(shop.id)
    await h.clock.advance(60_000)
    assert.equal((await h.store.work.load(shop.id))?.epoch, before?.epoch)
  })
})

describe('what is missing is asked for once', () => {
  test('however slow the router is to tell its routes', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop({ services: [web('fake:web-1')] })
    first.kill()
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    const before = h.world.calls.filter(call => call.method === 'start').length
    const next = await successor(t, h)
    next.router.fault({ method: 'observe', answerMs: 300, times: 20 })
    await settled(next, shop.id)
    assert.equal(next.world.calls.filter(call => call.method === 'start').length, before + 1)
  })

  test('however late the platform shows what it was asked for', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')] })
    const before = h.world.calls.filter(call => call.method === 'start').length
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    h.world.fault({ method: 'observe', answerMs: 200, times: 50 })
    await settled(h, shop.id)
    assert.equal(h.world.calls.filter(call => call.method === 'start').length, before + 1)
  })
})

describe('what fails is tried again, at a measured pace', () => {
  for (const [what, broken] of [
    ['a start', { platform: 'start' }],
    ['a stop', { platform: 'stop' }],
    ['an observation', { platform: 'observe' }],
    ['a route table', { router: 'apply' }],
    ['a drain', { router: 'drain' }],
    ['a look at the routes', { router: 'observe' }],
  ] as const) {
    test(`${what} that fails at once`, async t => {
      const h = await house(t)
      const shop = await h.shop({ services: [{ ...web('fake:web-1'), replicas: 2 }] })
      h.world.script({ image: 'fake:web-2' }, { readyMs: 500 })
      const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
      await h.reach(asked, now => now.reason?.code === 'health')
      const tries = 10_000
      if ('platform' in broken) h.world.fault({ method: broken.platform, error: true, times: tries })
      else h.router.fault({ method: broken.router, error: true, times: tries })
      const before = h.warnings.length
      await h.clock.advance(20_000)
      const failures = h.warnings.length - before
      assert.ok(failures < 250, `${failures} failures in 20 s`)
      h.world.clearFaults()
      h.router.clearFaults()
      assert.equal((await h.end(asked)).state, 'succeeded')
      await settled(h, shop.id)
      await assertSound(h, shop.id)
    })
  }
})

/** What was told of an instance by events of this type. */
async function told(h: House, shop: Instance, type: EventType): Promise<Readonly<Record<string, unknown>>[]> {
  const events = await h.events({ instanceId: shop.id })
  return events.filter(event => event.type === type).map(event => event.data ?? {})
}

/** Endpoints of web that get new requests. */
function serving(h: House, shop: Instance): number {
  const revisions = Object.values(h.router.proxy.tables.get(shop.id)?.services.web?.revisions ?? {})
  return revisions.flatMap(({ endpoints }) => endpoints.filter(({ state }) => state === 'serving')).length
}
