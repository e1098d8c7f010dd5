import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlipwayError } from '../../src/errors.ts'
import { house, web } from './harness.ts'

const minuteMs = 60_000

test('what nobody needs is thrown away by itself, every ten minutes, while everything goes on', async t => {
  const h = await house(t, { retention: { keepReleases: 1, unusedImageMs: minuteMs, keepEvents: 5, keepPlans: 1 } })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  const ids: string[] = []
  for (const version of [2, 3]) {
    const services = [{ name: 'web', image: `fake:web-${version}` }]
    const { id } = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'rolling' }))
    ids.push(id)
  }
  const digests = (await h.acme.listReleases(shop.id)).items
    .toReversed()
    .map(({ services }) => services[0]?.digest ?? '')
  await h.clock.advance(12 * minuteMs)
  const kept = await Promise.all(digests.map(async digest => await h.provider.has?.(digest)))
  assert.deepEqual(kept, [false, false, true])
  assert.equal((await h.events({})).length, 5)
  assert.deepEqual(await Promise.all(ids.map(async id => (await h.store.work.run(id))?.plan !== undefined)), [
    false,
    true,
  ])
  const services = [{ name: 'web', image: 'fake:web-4' }]
  assert.equal((await h.end(await h.acme.deploy({ instanceId: shop.id, services }))).state, 'succeeded')
})

test('events and plans of deployments that ended are thrown away when they are older than they may be', async t => {
  const h = await house(t, { retention: { keepEventsMs: minuteMs, keepPlansMs: 3 * minuteMs } })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  const services = [{ name: 'web', image: 'fake:web-2' }]
  const { id } = await h.end(await h.acme.deploy({ instanceId: shop.id, services, strategy: 'rolling' }))
  const left = async () => {
    await h.until(h.slipway.prune())
    return { events: (await h.events({})).length, plan: (await h.store.work.run(id))?.plan !== undefined }
  }
  const events = (await h.events({})).length
  assert.deepEqual(await left(), { events, plan: true })
  await h.clock.advance(2 * minuteMs)
  assert.deepEqual(await left(), { events: 1, plan: true }, 'the newest event always stays')
  await h.clock.advance(2 * minuteMs)
  assert.deepEqual(await left(), { events: 1, plan: false })
})

test('deliveries of webhooks are thrown away when they ended longer ago than they may have', async t => {
  const h = await house(t, { retention: { keepDeliveriesMs: 5 * minuteMs } })
  const { webhooks } = h.acme
  const left = async (id: string) => {
    const pruned = await h.until(h.slipway.prune())
    return [pruned.deliveries, (await webhooks.deliveries(id)).items.map(({ state }) => state)]
  }
  const { webhook } = await webhooks.create({ url: 'https://hooks.invalid/' })
  await webhooks.test(webhook.id)
  await webhooks.update(webhook.id, { enabled: false })
  assert.deepEqual(await left(webhook.id), [0, ['cancelled']])
  await h.clock.advance(6 * minuteMs)
  assert.deepEqual(await left(webhook.id), [1, []])
})

test('an image that was just resolved, or that a deployment which waits was asked to bring, stays', async t => {
  const h = await house(t, { retention: { keepReleases: 0, unusedImageMs: minuteMs } })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  h.world.script({ image: 'fake:slow' }, { readyMs: 3 * minuteMs })
  const policies = { progressDeadlineMs: 9 * minuteMs }
  await h.acme.instances.update(shop.id, { policies })
  const running = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:slow' }] })
  const waiting = await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:next' }] })
  await h.clock.advance(2 * minuteMs)
  const { digest } = await h.provider.resolve('fake:about-to-be-asked-for')
  assert.deepEqual((await h.until(h.slipway.prune())).images, [])
  assert.equal(await h.provider.has?.(digest), true)
  assert.equal((await h.end(running, 9 * minuteMs)).state, 'succeeded')
  assert.equal((await h.end(waiting)).state, 'succeeded')
})

test('when not every instance can be asked what it needs, no image is thrown away', async t => {
  const h = await house(t, { retention: { keepReleases: 1, unusedImageMs: 0 } })
  const shop = await h.shop({ services: [web('fake:web-1')] })
  const { digest } = await h.provider.resolve('fake:unneeded')
  const { images } = h.store.work
  h.store.work.images = () => Promise.reject(new Error('disk I/O error'))
  await assert.rejects(h.until(h.slipway.prune()), /disk I\/O error/)
  assert.equal(await h.provider.has?.(digest), true)
  h.store.work.images = images
  assert.deepEqual((await h.until(h.slipway.prune())).images, [digest])
  assert.equal((await h.acme.instances.get(shop.id)).state, 'running')
})

for (const code of ['disk_full', 'overloaded'] as const) {
  test(`images are thrown away though no row can be deleted: ${code}`, async t => {
    const h = await house(t, { retention: { keepReleases: 1, unusedImageMs: 0 } })
    await h.shop({ services: [web('fake:web-1')] })
    const { digest } = await h.provider.resolve('fake:unneeded')
    const refuse = () => Promise.reject(new SlipwayError(code, 'It was refused.'))
    h.store.events.prune = refuse
    h.store.work.shrinkRuns = refuse
    await assert.rejects(h.until(h.slipway.prune()), error => error instanceof SlipwayError && error.code === code)
    assert.equal(await h.provider.has?.(digest), false)
  })
}

test('that a quota is used up is told, for the disk itself still has room', async t => {
  const h = await house(t)
  h.store.events.prune = () => Promise.reject(new SlipwayError('disk_full', 'The quota is used up.'))
  await h.clock.advance(2 * minuteMs)
  const told = h.warnings.filter(({ text }) => text === 'not everything could be pruned')
  assert.equal(told.length, 1)
})
