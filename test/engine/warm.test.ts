import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type House, house, successor } from './harness.ts'
import { names, performed, running, traffic } from './look.ts'
import { life } from './mortal.ts'
import { atGate } from './scenes.ts'
import { assertSound, settled } from './sound.ts'

describe('the release that was replaced', () => {
  test('stays warm for as long as was asked, healthy like any other, and then goes', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const { finishedAt = '' } = await blueGreen(h, shop, 60)
    assert.equal(running(h, shop.id).web?.length, 4)
    const row = (await h.store.work.load(shop.id))?.table.find(candidate => candidate.keepUntil !== undefined)
    assert.equal(Date.parse(row?.keepUntil ?? ''), Date.parse(finishedAt) + 60_000)
    h.world.crash(shop.id, names(h, shop.id, 'web')[0] ?? '')
    await settled(h, shop.id)
    assert.equal(running(h, shop.id).web?.length, 4)
    await h.clock.advance(55_000)
    assert.equal(running(h, shop.id).web?.length, 4)
    await h.clock.advance(8_000)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2', 'fake:web-2'])
    await assertSound(h, shop.id)
  })

  test('is taken over by a rollback in one route step: nothing is started', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 300)
    const starts = h.world.calls.filter(call => call.method === 'start').length
    const back = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    assert.equal(back.state, 'succeeded')
    const steps = await performed(h, back)
    assert.equal(steps.length, 1)
    assert.match(steps[0] ?? '', /^route web 100 % to [0-9a-f]{6}, done$/u)
    assert.equal(h.world.calls.filter(call => call.method === 'start').length, starts)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
    const table = (await h.store.work.load(shop.id))?.table ?? []
    assert.deepEqual(
      table.filter(row => row.keepUntil !== undefined).map(row => row.weight),
      [0],
      'now the other one is warm',
    )
    await h.clock.advance(310_000)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
    await assertSound(h, shop.id)
  })

  test('does not expire while a deployment runs or is parked', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 30)
    const parked = await h.acme.deploy({
      instanceId: shop.id,
      services: [{ name: 'api', image: 'fake:api-2' }],
      strategy: 'blue-green',
      options: { preview: true },
    })
    await h.reach(parked, now => now.reason?.code === 'awaiting_promote')
    const warm = () => running(h, shop.id).web?.filter(image => image === 'fake:web-1').length ?? 0
    const kept = warm()
    await h.clock.advance(120_000)
    assert.equal(warm(), kept)
    await h.acme.cancel(parked.id)
    await h.end(parked)
    await settled(h, shop.id)
    assert.equal(warm(), 0)
  })

  test('is cold after the control plane was away for longer than it was to be kept', async t => {
    const first = life()
    const h = await house(t, { life: first })
    const shop = await h.shop()
    await blueGreen(h, shop, 60)
    first.kill()
    await h.clock.advance(120_000)
    assert.equal(running(h, shop.id).web?.length, 4)
    const next = await successor(t, h)
    await settled(next, shop.id)
    assert.deepEqual(running(next, shop.id).web, ['fake:web-2', 'fake:web-2'])
  })

  test('is the only one that is warm: the next deploy makes room first', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 300)
    await blueGreen(h, shop, 300, 'fake:web-3')
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2', 'fake:web-2', 'fake:web-3', 'fake:web-3'])
    const back = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    assert.equal(back.state, 'succeeded')
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
    await assertSound(h, shop.id)
  })

  test('is not kept when that is not wanted', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 0)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2', 'fake:web-2'])
  })

  test('goes with an undo: only what served comes back', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 300)
    const paused = await atGate(h, shop, 'fake:web-3')
    await h.acme.cancel(paused.id)
    assert.equal((await h.end(paused)).restored, true)
    await settled(h, shop.id)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2', 'fake:web-2'])
  })

  test('is scaled with its service before it takes over', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await blueGreen(h, shop, 300)
    await h.end(await h.acme.instances.scale(shop.id, { web: 3 }))
    const back = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    assert.equal(back.state, 'succeeded')
    assert.equal(running(h, shop.id).web?.filter(image => image === 'fake:web-1').length, 3)
  })
})

function blueGreen(h: House, shop: Instance, keepWarmSeconds: number, image = 'fake:web-2'): Promise<Deployment> {
  const services = [{ name: 'web', image }]
  const asked = h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green', options: { keepWarmSeconds } })
  return asked.then(deployment => h.end(deployment))
}
