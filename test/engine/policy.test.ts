import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { house } from './harness.ts'
import { running, started, traffic } from './look.ts'
import { atGate, stuck, undoing } from './scenes.ts'
import { assertSound, settled } from './sound.ts'

const api2 = [{ name: 'api', image: 'fake:api-2' }]

describe('another deploy while one runs or waits', () => {
  test('queue, the default of a deploy: it waits for its turn', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const second = await h.acme.deploy({ instanceId: shop.id, services: api2 })
    assert.equal(second.state, 'pending')
    assert.equal(second.reason?.code, 'queued')
    await h.clock.advance(20_000)
    assert.equal((await h.acme.getDeployment(second.id)).state, 'pending')
    await h.acme.promote(first.id)
    assert.equal((await h.end(second)).state, 'succeeded')
    await assertSound(h, shop.id)
  })

  test('reject: it is refused, naming what is in the way, whatever kind that is', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const busy = { code: 'instance_busy', details: { deployment_id: first.id } }
    await assert.rejects(h.acme.deploy({ instanceId: shop.id, services: api2, ifBusy: 'reject' }), busy)
    await assert.rejects(
      h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '', ifBusy: 'reject' }),
      busy,
    )
    await h.acme.cancel(first.id)
    await h.end(first)
    const scale = await h.acme.instances.scale(shop.id, { web: 3 })
    await assert.rejects(h.acme.deploy({ instanceId: shop.id, services: api2, ifBusy: 'reject' }), {
      code: 'instance_busy',
      details: { deployment_id: scale.id },
    })
  })

  test('the instance says what its deploys do when the request does not', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { ifBusy: 'reject' } })
    await atGate(h, shop)
    await assert.rejects(h.acme.deploy({ instanceId: shop.id, services: api2 }), { code: 'instance_busy' })
    assert.equal((await h.acme.deploy({ instanceId: shop.id, services: api2, ifBusy: 'queue' })).state, 'pending')
  })

  test('supersede: what runs is undone, what waits is cancelled, and it starts when the undo has ended', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const second = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'worker', image: 'fake:worker-2' }] })
    const third = await h.acme.deploy({ instanceId: shop.id, services: api2, ifBusy: 'supersede' })
    const cancelled = await h.acme.getDeployment(second.id)
    assert.equal(cancelled.state, 'cancelled')
    assert.equal(cancelled.error, `superseded by ${third.id}`)
    assert.equal(cancelled.errorCode, 'superseded')
    const end = await h.end(third)
    assert.equal(end.state, 'succeeded')
    const undone = await h.acme.getDeployment(first.id)
    assert.equal(undone.state, 'cancelled')
    assert.equal(undone.error, `superseded by ${third.id}`)
    assert.equal(undone.restored, true)
    assert.ok((undone.finishedAt ?? '') <= (end.startedAt ?? ''))
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
    assert.ok(!started(h, shop.id).some(spec => spec.image === 'fake:worker-2'))
    await assertSound(h, shop.id)
  })

  test('supersede is the default of a rollback: it does not wait for what it wants to get rid of', async t => {
    const h = await house(t)
    const shop = await h.shop()
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }))
    const broken = await stuck(h, shop)
    const back = await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' })
    assert.equal((await h.end(back)).state, 'succeeded')
    assert.equal((await h.acme.getDeployment(broken.id)).error, `superseded by ${back.id}`)
    await settled(h, shop.id)
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
  })

  test('supersede never cancels a scale, stop or restart: it waits behind them', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await atGate(h, shop)
    const scale = await h.acme.instances.scale(shop.id, { worker: 2 })
    const restart = await h.acme.instances.restart(shop.id, ['api'])
    const waiting = await h.acme.deploy({ instanceId: shop.id, services: api2 })
    const last = await h.acme.deploy({ instanceId: shop.id, services: api2, ifBusy: 'supersede' })
    assert.equal((await h.end(last)).state, 'succeeded')
    for (const { id } of [scale, restart]) assert.equal((await h.acme.getDeployment(id)).state, 'succeeded')
    for (const { id } of [first, waiting]) assert.equal((await h.acme.getDeployment(id)).state, 'cancelled')
    assert.equal(running(h, shop.id).worker?.length, 2)
    await assertSound(h, shop.id)
  })

  test('supersede of one that is undone already changes nothing about its end', async t => {
    const h = await house(t)
    const shop = await h.shop()
    const first = await undoing(h, shop)
    const second = await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' })
    h.world.unreachable = false
    assert.equal((await h.end(second)).state, 'succeeded')
    assert.equal((await h.acme.getDeployment(first.id)).error, 'cancelled by ana')
  })
})
