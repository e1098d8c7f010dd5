import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt, Delivery, NewDelivery, Webhook } from '../../../src/event/webhook.ts'
import { keptAttempts } from '../../../src/event/webhook.ts'
import { newId } from '../../../src/id.ts'
import { everyPage, type MakeStore, someTime, world } from './fixtures.ts'

const aWebhook = (more: Partial<Webhook> = {}): Webhook => ({
  id: newId('whk'),
  createdAt: someTime,
  updatedAt: someTime,
  tenantId: 'acme',
  url: 'https://hooks.example/slipway',
  enabled: true,
  secretVersions: [{ version: 1 }],
  ...more,
})

const aDelivery = (webhook: Webhook, eventSeq: number, more: Partial<NewDelivery> = {}): NewDelivery => ({
  id: newId('dlv'),
  webhookId: webhook.id,
  tenantId: webhook.tenantId,
  createdAt: someTime,
  eventId: newId('evt'),
  eventSeq,
  eventType: 'deploy.queued',
  instanceId: 'inst_1',
  lane: 'inst_1',
  payload: `{"seq":${eventSeq}}`,
  ...more,
})

const failed: Attempt = { at: someTime, durationMs: 12, status: 500, error: 'answered 500', answer: 'oh' }
const ids = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ id }) => id)

export function webhookTests(makeStore: MakeStore): void {
  const withOne = async (t: Parameters<typeof world>[0]) => {
    const { store, clock } = await world(t, makeStore)
    const webhook = aWebhook()
    await store.webhooks.insert(webhook, 7)
    const at = (ms: number) => new Date(clock.now() + ms).toISOString()
    return { webhooks: store.webhooks, clock, webhook, at }
  }

  test('a webhook comes back as it went in, absent fields absent, to its tenant only', async t => {
    const { webhooks, webhook } = await withOne(t)
    const full = aWebhook({
      description: 'chat',
      types: ['deploy.*'],
      instances: ['inst_1'],
      enabled: false,
      disabled: { code: 'gone', text: 'It is gone.', since: someTime },
      secretVersions: [{ version: 1, until: someTime }, { version: 2 }],
    })
    await webhooks.insert(full, 0)
    assert.deepEqual(await webhooks.get('acme', webhook.id), webhook)
    assert.deepEqual(await webhooks.get('acme', full.id), full)
    assert.equal(await webhooks.get('other', full.id), undefined)
    assert.deepEqual(await webhooks.enabled(webhook.id), { webhook, place: 7 })
    assert.equal(await webhooks.enabled(full.id), undefined)
    assert.deepEqual(await webhooks.allEnabled(), [webhook.id])
  })

  test('webhooks are listed newest first, page by page, each tenant its own', async t => {
    const { webhooks, webhook } = await withOne(t)
    const more = [aWebhook(), aWebhook()]
    for (const one of more) await webhooks.insert(one, 0)
    await webhooks.insert(aWebhook({ tenantId: 'other' }), 0)
    const listed = await everyPage(options => webhooks.list('acme', options), 2)
    assert.deepEqual(listed, [webhook, ...more].toReversed())
    assert.equal((await webhooks.list('acme')).total, 3)
  })

  test('a webhook is changed field by field, and fields are taken away', async t => {
    const { webhooks, webhook } = await withOne(t)
    await webhooks.change(webhook.id, { types: ['deploy.*'], description: 'chat', place: 9 })
    await webhooks.change(webhook.id, { types: null })
    assert.deepEqual(await webhooks.enabled(webhook.id), { webhook: { ...webhook, description: 'chat' }, place: 9 })
  })

  test('a place is reached by who saw the webhook as it is, once', async t => {
    const { webhooks, webhook, at } = await withOne(t)
    const seen = { webhook, place: 7 }
    assert.equal(await webhooks.reached(seen, 10), true)
    assert.equal(await webhooks.reached(seen, 11), false, 'somebody has read on')
    await webhooks.change(webhook.id, { updatedAt: at(0) })
    assert.equal(await webhooks.reached({ webhook, place: 10 }, 11), false, 'it was changed')
    await webhooks.change(webhook.id, { enabled: false, updatedAt: someTime })
    assert.equal(await webhooks.reached({ webhook, place: 10 }, 11), false, 'it was disabled')
    await webhooks.change(webhook.id, { enabled: true })
    assert.equal((await webhooks.enabled(webhook.id))?.place, 10)
  })

  test('the first of each lane is due, the next when it has ended, and one to be tried again keeps its lane waiting', async t => {
    const { webhooks, webhook, clock, at } = await withOne(t)
    const [a, b, c] = [aDelivery(webhook, 1), aDelivery(webhook, 2), aDelivery(webhook, 3, { lane: 'inst_2' })]
    await webhooks.enqueue(webhook.id, [a, b, c])
    const due = async () => ids(await webhooks.due(webhook.id, 10))
    assert.deepEqual(await due(), [a.id, c.id])
    assert.deepEqual(ids(await webhooks.due(webhook.id, 1)), [a.id])
    assert.deepEqual(await webhooks.dueWebhooks(), [webhook.id])
    const [first, other] = await webhooks.due(webhook.id, 10)
    assert.ok(first && other)
    assert.equal(await webhooks.attempted(first, failed, { nextAt: at(5000) }), true)
    assert.equal(await webhooks.attempted(other, { ...failed, status: 200 }, { ended: 'delivered' }), true)
    assert.deepEqual(await due(), [])
    assert.equal(await webhooks.nextDue(), clock.now() + 5000)
    clock.advance(5000)
    assert.deepEqual(await due(), [a.id])
    const [again] = await webhooks.due(webhook.id, 10)
    assert.ok(again)
    assert.deepEqual([again.attemptCount, again.attempts], [1, [failed]])
    await webhooks.attempted(again, failed, { ended: 'failed' })
    assert.deepEqual(await due(), [b.id])
    assert.equal(await webhooks.attempted(again, failed, { ended: 'delivered' }), false, 'it has ended')
    const late = aDelivery(webhook, 4)
    await webhooks.enqueue(webhook.id, [late])
    assert.deepEqual(await due(), [b.id])
    assert.equal(await webhooks.nextDue(), undefined)
    const ended = await webhooks.delivery('acme', webhook.id, a.id)
    assert.deepEqual([ended?.state, ended?.endedAt, ended?.nextAt], ['failed', at(0), undefined])
  })

  test('one that waits for its next try is hurried, as the first of its lane', async t => {
    const { webhooks, webhook, at } = await withOne(t)
    await webhooks.enqueue(webhook.id, [aDelivery(webhook, 1), aDelivery(webhook, 2)])
    const [first] = await webhooks.due(webhook.id, 10)
    assert.ok(first)
    await webhooks.attempted(first, failed, { nextAt: at(5000) })
    const { items } = await webhooks.deliveries('acme', webhook.id)
    const behind = items.find(({ id }) => id !== first.id)
    assert.ok(behind)
    await webhooks.hurry(behind)
    assert.deepEqual(ids(await webhooks.due(webhook.id, 10)), [first.id])
  })

  test('only the last attempts of many are kept, and all are counted', async t => {
    const { webhooks, webhook } = await withOne(t)
    await webhooks.enqueue(webhook.id, [aDelivery(webhook, 1)])
    for (let n = 1; n <= keptAttempts + 2; n++) {
      const [one] = await webhooks.due(webhook.id, 1)
      assert.ok(one)
      await webhooks.attempted(one, { ...failed, durationMs: n }, { nextAt: someTime })
    }
    const [one] = await webhooks.due(webhook.id, 1)
    assert.equal(one?.attemptCount, keptAttempts + 2)
    assert.deepEqual([one.attempts.length, one.attempts[0]?.durationMs], [keptAttempts, 3])
  })

  test('what is cancelled is cancelled from a place on, and what waited behind it in its lane is due', async t => {
    const { webhooks, webhook } = await withOne(t)
    const [early, head, behind] = [
      aDelivery(webhook, 5, { lane: 'inst_2' }),
      aDelivery(webhook, 20),
      aDelivery(webhook, 8, { replayOf: 'dlv_1' }),
    ]
    await webhooks.enqueue(webhook.id, [early, head, behind])
    await webhooks.cancel(webhook.id, 10)
    const { items } = await webhooks.deliveries('acme', webhook.id)
    assert.deepEqual(
      items.map(({ id, state }) => [id, state]),
      [
        [behind.id, 'pending'],
        [head.id, 'cancelled'],
        [early.id, 'pending'],
      ],
    )
    assert.deepEqual(new Set(ids(await webhooks.due(webhook.id, 10))), new Set([early.id, behind.id]))
    await webhooks.cancel(webhook.id, 0)
    assert.deepEqual(await webhooks.due(webhook.id, 10), [])
  })

  test('deliveries are listed newest first by state, of their webhook and tenant only', async t => {
    const { webhooks, webhook } = await withOne(t)
    const other = aWebhook()
    await webhooks.insert(other, 0)
    const mine = [aDelivery(webhook, 1), aDelivery(webhook, 2), aDelivery(webhook, 3)]
    await webhooks.enqueue(webhook.id, mine)
    await webhooks.enqueue(other.id, [aDelivery(other, 1)])
    const listed = await everyPage(options => webhooks.deliveries('acme', webhook.id, options), 2)
    assert.deepEqual(ids(listed), mine.map(({ id }) => id).toReversed())
    const [first] = listed.toReversed()
    assert.ok(first)
    await webhooks.attempted(first, failed, { ended: 'failed' })
    const found = await webhooks.deliveries('acme', webhook.id, { states: ['failed', 'delivered'] })
    assert.deepEqual([ids(found.items), found.total], [[first.id], 1])
    assert.deepEqual((await webhooks.deliveries('other', webhook.id)).items, [])
    assert.equal(await webhooks.delivery('other', webhook.id, first.id), undefined)
    assert.equal(await webhooks.delivery('acme', other.id, first.id), undefined)
  })

  test('a deleted webhook takes its deliveries along, and no others', async t => {
    const { webhooks, webhook } = await withOne(t)
    const other = aWebhook()
    await webhooks.insert(other, 0)
    await webhooks.enqueue(webhook.id, [aDelivery(webhook, 1)])
    await webhooks.enqueue(other.id, [aDelivery(other, 1)])
    await webhooks.delete(webhook.id)
    assert.equal(await webhooks.get('acme', webhook.id), undefined)
    assert.equal((await webhooks.deliveries('acme', webhook.id)).total, 0)
    assert.equal((await webhooks.deliveries('acme', other.id)).total, 1)
  })

  test('what ended long ago is removed, a few at a time; what waits stays', async t => {
    const { webhooks, webhook, clock, at } = await withOne(t)
    await webhooks.enqueue(
      webhook.id,
      [1, 2, 3, 4].map(seq => aDelivery(webhook, seq)),
    )
    for (let n = 0; n < 3; n++) {
      const [one] = await webhooks.due(webhook.id, 1)
      assert.ok(one)
      await webhooks.attempted(one, failed, { ended: 'delivered' })
    }
    assert.equal(await webhooks.pruneDeliveries(at(0), 10), 0)
    clock.advance(1)
    assert.equal(await webhooks.pruneDeliveries(at(0), 2), 2)
    assert.equal(await webhooks.pruneDeliveries(at(0), 2), 1)
    const { items } = await webhooks.deliveries('acme', webhook.id)
    assert.deepEqual(
      items.map(({ eventSeq, state }) => [eventSeq, state]),
      [[4, 'pending']],
    )
  })
}
