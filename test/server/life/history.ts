import assert from 'node:assert/strict'
import { until } from '../../support/until.ts'
import type { Json, Reply } from '../world.ts'

type Send = (method: string, path: string, sent?: object) => Promise<Reply>

/** What deployments and the instance left behind is read: where time went, who got what, how it was, what became of each release. */
export async function lookBack(send: Send, shop: Json): Promise<void> {
  const { items } = (await send('GET', `/v1/deployments?instance_id=${shop.id}&kind=deploy&limit=200`)).body
  const canary = items.find((one: Json) => one.strategy === 'canary' && one.notes === 'by canary')
  const one = (await send('GET', `/v1/deployments/${canary.id}`)).body
  const timeline = (await send('GET', one.links.timeline)).body
  assert.equal(timeline.to, canary.finished_at)
  const [whole, web] = timeline.lanes
  assert.deepEqual([whole.lane, whole.bars[0].phase, web.service], ['deployment', 'queued', 'web'])
  const phases = new Set(web.bars.map((bar: Json) => bar.phase))
  for (const phase of ['prepare', 'health', 'shift', 'drain']) assert.ok(phases.has(phase), phase)
  assert.deepEqual(
    timeline.marks.map((mark: Json) => mark.type).filter((type: string) => type !== 'deploy.progress'),
    ['release.created', 'deploy.queued', 'deploy.started', 'deploy.succeeded', 'release.activated'],
  )
  const cancelled = items.find((one: Json) => one.state === 'cancelled' && one.started_at)
  const back = (await send('GET', `/v1/deployments/${cancelled.id}/timeline`)).body
  assert.ok(back.lanes[0].bars.some((bar: Json) => bar.undo && bar.to))

  const { services } = (await send('GET', one.links.traffic)).body
  const revisions = services.find((service: Json) => service.service === 'web').revisions
  const weights = (side: string) =>
    revisions.find((revision: Json) => revision.side === side).set.map((point: Json) => point.weight)
  assert.deepEqual(weights('old'), [100, 50, 0])
  assert.deepEqual(weights('new'), [50, 100])

  const health = (await send('GET', `/v1/instances/${shop.id}/health?window=15m`)).body
  assert.equal(health.buckets.length, 96)
  assert.ok(health.shares.ready > 0)
  assert.deepEqual(health.services.map((service: Json) => service.service).toSorted(), ['web', 'worker'])
  assert.equal((await send('GET', `/v1/instances/${shop.id}/health?window=25h`)).status, 400)
  assert.equal((await send('GET', `/v1/instances/${shop.id}/health?window=9999m`)).status, 400)

  const releases = (await send('GET', `/v1/instances/${shop.id}/releases?limit=200`)).body.items
  const active = releases.find((release: Json) => release.active)
  assert.ok(active.restorable && active.ran_for_ms > 0 && active.outcome.state === 'succeeded')
  const never = releases.find((release: Json) => !release.activated_at)
  assert.deepEqual([never.restorable, never.unrestorable, never.ran_for_ms], [false, 'It was never active.', undefined])

  // Health is as it was at the last look, which is a second ago at most: the scene before ended just now.
  const line = await until('the list tells that it is ready', async () => {
    const [found] = (await send('GET', '/v1/instances?q=shop')).body.items
    return found.health.state === 'ready' && found.health.ready === 2 && found
  })
  assert.deepEqual([line.release.id, line.rollout, line.needs], [active.id, undefined, []])
  assert.deepEqual([line.health.state, line.health.ready, line.health.want], ['ready', line.health.want, 2])
  const strip = (await send('GET', `/v1/deployments?instance_id=${shop.id}&kind=deploy,rollback,initial&limit=30`)).body
  assert.deepEqual(
    line.last.map((item: Json) => [item.id, item.state]),
    strip.items.map((item: Json) => [item.id, item.state]),
  )
  const plan = { services: [{ name: 'web', image: shop.services[0].image, env: { AGAIN: '1' } }], strategy: 'rolling' }
  const { will_take } = (await send('POST', `/v1/instances/${shop.id}/plan`, { body: plan })).body
  assert.match(will_take.basis, /^last [1-5]$/)
  assert.ok(will_take.median_ms > 0)
}
