import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SlipwayError } from '../../src/errors.ts'
import { house, quick, web } from './harness.ts'
import { running, traffic } from './look.ts'

describe('a step that does not come true', () => {
  test('fails when nothing moved until the deadline, and says what it waited for', async t => {
    const h = await house(t)
    const shop = await h.shop({ policies: { progressDeadlineMs: 30_000 } })
    h.world.script({ image: 'fake:web-never' }, { readyMs: 'never' })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-never' }] })
    const end = await h.end(asked)
    assert.equal(end.state, 'failed')
    assert.equal(end.errorCode, 'progress_deadline')
    assert.match(
      end.error ?? '',
      /web .*0 of 1 replicas were ready, and nothing moved for 30 s.*503 Service Unavailable/u,
    )
    assert.equal(end.restored, true)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1', 'fake:web-1'])
  })

  test('fails when the router takes no routes until the deadline, and says why it does not', async t => {
    const h = await house(t)
    const error = new SlipwayError(
      'already_exists',
      'The host shop.localhost is routed to instance inst_other already.',
    )
    const services = [web('fake:web-1')]
    h.router.fault({ method: 'apply', error, times: Number.POSITIVE_INFINITY })
    const { deployment } = await h.acme.instances.create({
      name: 'shop',
      services,
      policies: { progressDeadlineMs: 30_000 },
    })
    const end = await h.end(deployment)
    assert.equal(end.errorCode, 'progress_deadline')
    assert.match(
      end.error ?? '',
      /1 of 1 replicas were ready, and nothing moved for 30 s .*routed to instance inst_other/u,
    )
  })

  test('a replica that becomes ready is progress: slow ones have the deadline each', async t => {
    const h = await house(t)
    const shop = await h.shop({
      services: [{ ...web('fake:web-1'), replicas: 3 }],
      policies: { progressDeadlineMs: 10_000 },
    })
    for (const ordinal of [0, 1, 2]) {
      h.world.script({ image: 'fake:web-2', ordinal }, { readyMs: 8000 * (ordinal + 1) })
    }
    const services = [{ name: 'web', image: 'fake:web-2' }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' }))
    assert.equal(end.state, 'succeeded')
  })

  test('a replica that dies and is started again is no progress, however slowly it dies', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')], policies: { progressDeadlineMs: 300_000 } })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never', exit: { afterMs: 70_000, code: 1 } })
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
      900_000,
    )
    assert.equal(end.state, 'failed')
    assert.equal(end.errorCode, 'progress_deadline')
  })

  test('one that exits again and again fails at once, with its code and last words', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.script(
      { image: 'fake:web-crash' },
      { readyMs: 'never', exit: { afterMs: 20, code: 3 }, logs: ['cannot read DATABASE_URL'] },
    )
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-crash' }] }),
    )
    assert.equal(end.errorCode, 'crash_loop')
    assert.match(end.error ?? '', /exited with code 3 three times \("cannot read DATABASE_URL"\)/u)
    assert.equal(end.restored, true)
  })

  test('several that exit once each, all at the start, are no loop', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), replicas: 4 }] })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 100, exit: { afterMs: 20, code: 1, times: 4 } })
    const services = [{ name: 'web', image: 'fake:web-2' }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'blue-green' }))
    assert.equal(end.state, 'succeeded', end.error)
  })

  test('drains and graces longer than the deadline fail nothing: who leaves may take its time', async t => {
    const h = await house(t)
    const shop = await h.shop({
      services: [{ ...web('fake:web-1'), graceMs: 20_000 }],
      policies: { progressDeadlineMs: 5000, drainMs: 20_000 },
    })
    h.world.script({ image: 'fake:web-1' }, { stopMs: 'never' })
    for (const replica of h.world.replicas(shop.id)) {
      h.router.setInFlight(replica.id, { requests: 1, endsAfterMs: 'never' })
    }
    h.world.crash(shop.id, h.world.replicas(shop.id)[0]?.name ?? '')
    await h.when(() => h.world.replicas(shop.id).every(replica => replica.state === 'running'))
    for (const replica of h.world.replicas(shop.id)) {
      h.router.setInFlight(replica.id, { requests: 1, endsAfterMs: 'never' })
    }
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.equal(end.state, 'succeeded', end.error)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-2'])
  })

  test('nor does it keep an undo from being complete', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')], policies: { progressDeadlineMs: 5000 } })
    h.world.script({ image: 'fake:web-2' }, { readyMs: 'never', stopMs: 'never' })
    const services = [{ name: 'web', image: 'fake:web-2', graceMs: 20_000 }]
    const end = await h.end(await h.acme.deploy({ instanceId: shop.id, services }))
    assert.equal(end.state, 'failed')
    assert.equal(end.restored, true)
    assert.deepEqual(running(h, shop.id).web, ['fake:web-1'])
  })

  test('time in which the platform did not answer was not watched', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [web('fake:web-1')], policies: { progressDeadlineMs: 10_000 } })
    h.world.script({ image: 'fake:web-2' }, { startMs: 2000 })
    const asked = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] })
    await h.reach(asked, now => now.reason?.code === 'health')
    h.world.unreachable = true
    await h.clock.advance(60_000)
    h.world.unreachable = false
    assert.equal((await h.end(asked)).state, 'succeeded')
  })

  test('an outage of the platform is waited out by fetching, tasks and starts as well', async t => {
    const h = await house(t)
    const shop = await h.shop({ services: [{ ...web('fake:web-1'), before: ['migrate'] }] })
    for (const method of ['prepare', 'runTask', 'start'] as const) h.world.fault({ method, error: true, times: 5 })
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.equal(end.state, 'succeeded', end.error)
  })

  test('an image that is gone fails at once and leaves all as it was', async t => {
    const h = await house(t)
    const shop = await h.shop()
    h.world.image('fake:web-2', { unavailable: 'prepare' })
    const before = h.world.history.length
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.equal(end.errorCode, 'image_gone')
    assert.equal(end.restored, true)
    assert.equal(h.world.history.length, before, 'nothing happened to any replica')
    assert.deepEqual(traffic(h, shop.id).web, { 'fake:web-1': 100 })
  })

  test('a delete waits for what hangs, as long as any step may', async t => {
    const h = await house(t)
    const shop = await h.shop({
      services: [{ name: 'web', image: 'fake:web-1', healthCheck: quick, ports: [{ name: 'http' }] }],
      policies: { progressDeadlineMs: 5000 },
    })
    h.world.fault({ method: 'stop', error: true, times: 60 })
    const end = await h.end(await h.acme.instances.delete(shop.id))
    assert.equal(end.state, 'succeeded', end.error)
    assert.deepEqual(h.world.replicas(shop.id), [])
  })
})
