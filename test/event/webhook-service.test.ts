import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError, type SlipwayError } from '../../src/errors.ts'
import { placeBefore } from '../../src/event/place.ts'
import { mostWebhooks } from '../../src/event/webhook.ts'
import { refusalOf } from '../support/refusal.ts'
import { aReceiver, hangs, type Received, verified } from './receiver.ts'
import { aWebhookWorld } from './webhook-world.ts'

const hourMs = 3_600_000

test('a rotated secret and the one before both sign for a while; then only the new one does, and the old is destroyed at the next rotation', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  const { id, secret: first } = await w.hook(receiver.url)
  const { secret: second, webhook } = await w.hooks.rotate(id, { overlapSeconds: 60 })
  assert.notEqual(second, first)
  assert.deepEqual(
    webhook.secretVersions.map(({ version, until }) => [version, until !== undefined]),
    [
      [1, true],
      [2, false],
    ],
  )
  await w.happen('inst_1', 'deploy.queued')
  const [both] = await receiver.count(1)
  assert.ok(both)
  verified(first, both)
  verified(second, both)
  assert.equal(String(both.headers['webhook-signature']).split(' ').length, 2)
  await w.clock.advance(60_000)
  await w.happen('inst_1', 'deploy.started')
  const [, one] = await receiver.count(2)
  assert.ok(one)
  verified(second, one)
  assert.throws(() => verified(first, one), /No matching signature/)
  const { secret: third } = await w.hooks.rotate(id, { overlapSeconds: 0 })
  await w.happen('inst_1', 'deploy.succeeded')
  const [, , last] = await receiver.count(3)
  assert.ok(last)
  verified(third, last)
  assert.throws(() => verified(second, last), /No matching signature/)
  for (const version of [1, 2]) {
    const gone = await refusalOf(() => w.vault.retrieve('acme.webhooks', id, version))
    assert.equal(gone.code, 'unrestorable')
  }
})

test('a tenant has so many webhooks and no more: every event is written down for each of them', async t => {
  const w = await aWebhookWorld(t)
  const { id } = await w.hook('http://127.0.0.1:1/')
  for (let n = 1; n < mostWebhooks; n++) await w.hook('http://127.0.0.1:1/')
  const refusal = await refusalOf(() => w.hook('http://127.0.0.1:1/'))
  assert.equal(refusal.code, 'quota_exceeded')
  assert.equal((await w.store.secrets.list('acme.webhooks')).length, mostWebhooks)
  await w.service('other').create({ url: 'http://127.0.0.1:1/' })
  await w.hooks.delete(id)
  await w.hook('http://127.0.0.1:1/')
})

test('secrets lie sealed, apart from those of the tenant, and go with their webhook', async t => {
  const w = await aWebhookWorld(t)
  const { id, secret } = await w.hook('http://127.0.0.1:1/')
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.deepEqual(await w.vault.list('acme'), [])
  assert.equal((await w.vault.retrieve('acme.webhooks', id)).value, secret)
  const rows = JSON.stringify([await w.store.secrets.list('acme.webhooks'), await w.hooks.get(id)])
  assert.ok(!rows.includes(secret.slice(6, 20)))
  await w.hooks.delete(id)
  assert.deepEqual(await w.vault.list('acme.webhooks'), [])
})

test('a ping goes to the webhook it is for, whatever that asks for and whatever waits; one that is disabled gets none', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(({ event }) => (event.type === 'webhook.ping' ? 204 : 500))
  const { id, secret } = await w.hook(receiver.url, { types: ['secret.rotated'] })
  await w.hook(receiver.url)
  await w.happen(undefined, 'secret.rotated')
  await w.reach(id, ([one]) => one?.attemptCount === 1)
  const sent = await w.hooks.test(id)
  assert.equal(sent.state, 'pending')
  await w.reach(id, all => all.some(one => one.id === sent.id && one.state === 'delivered'))
  const pings = receiver.received.filter(({ event }) => event.type === 'webhook.ping')
  assert.deepEqual(
    pings.map(received => [received.id, received.event.data.webhook_id]),
    [[sent.eventId, id]],
  )
  verified(secret, pings[0] as Received)
  await w.hooks.update(id, { enabled: false })
  for (const ask of [
    () => w.hooks.test(id),
    () => w.hooks.replay(id, sent.id),
    () => w.hooks.replayAll(id, { since: sent.createdAt }),
  ]) {
    assert.equal((await refusalOf(ask)).code, 'webhook_disabled')
  }
})

test('a delivery is repeated under the same id; one that waits for its next try is tried now', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  const { id } = await w.hook(receiver.url)
  const [queued] = await w.happen('inst_1', 'deploy.queued')
  const [done] = await w.states(id, 'delivered')
  assert.ok(done)
  const again = await w.hooks.replay(id, done.id)
  assert.deepEqual([again.replayOf, again.eventId, again.state], [done.id, queued, 'pending'])
  await w.states(id, 'delivered', 'delivered')
  assert.deepEqual(
    receiver.received.map(received => [received.id, received.body]),
    [
      [queued, done.payload],
      [queued, done.payload],
    ],
  )
  receiver.behave(() => 500)
  await w.happen('inst_1', 'deploy.started')
  const [, , waiting] = await w.reach(id, all => all[2]?.attemptCount === 1)
  receiver.behave(() => 200)
  assert.equal((await w.hooks.replay(id, waiting?.id ?? '')).id, waiting?.id)
  await w.states(id, 'delivered', 'delivered', 'delivered')
})

test('everything since a moment is delivered again in the order of the log, what waits with it and not twice', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  const { id } = await w.hook(receiver.url)
  await w.happen('inst_1', 'deploy.queued')
  await w.states(id, 'delivered')
  await w.clock.advance(hourMs)
  const since = new Date(w.clock.now()).toISOString()
  await w.happen('inst_1', 'deploy.started')
  await w.states(id, 'delivered', 'delivered')
  receiver.behave(() => hangs)
  await w.happen('inst_1', 'deploy.paused', 'deploy.succeeded')
  await receiver.count(3)
  await w.happen('inst_2', 'deploy.queued')
  await receiver.count(4)
  receiver.behave(() => 200)
  await w.hooks.replayAll(id, { since })
  const all = await w.reach(id, all => all.filter(({ state }) => state === 'delivered').length === 6)
  assert.deepEqual(
    all.map(({ state, eventType, instanceId }) => [state, eventType, instanceId]),
    [
      ['delivered', 'deploy.queued', 'inst_1'],
      ['delivered', 'deploy.started', 'inst_1'],
      ['cancelled', 'deploy.paused', 'inst_1'],
      ['cancelled', 'deploy.succeeded', 'inst_1'],
      ['cancelled', 'deploy.queued', 'inst_2'],
      ['delivered', 'deploy.started', 'inst_1'],
      ['delivered', 'deploy.paused', 'inst_1'],
      ['delivered', 'deploy.succeeded', 'inst_1'],
      ['delivered', 'deploy.queued', 'inst_2'],
    ],
  )
  const inOrder = receiver.received.slice(4).filter(({ event }) => event.instance_id === 'inst_1')
  assert.deepEqual(
    inOrder.map(({ event }) => event.type),
    ['deploy.started', 'deploy.paused', 'deploy.succeeded'],
  )
})

test('the place of a moment is found in a log, whole or pruned', async t => {
  const w = await aWebhookWorld(t)
  const begun = w.clock.now()
  for (let n = 0; n < 20; n++) {
    await w.happen('inst_1', 'deploy.progress')
    await w.clock.advance(1000)
  }
  assert.equal(await placeBefore(w.store.events, 0), 0)
  assert.equal(await placeBefore(w.store.events, begun + 7000), 7)
  assert.equal(await placeBefore(w.store.events, begun + 7001), 8)
  assert.equal(await placeBefore(w.store.events, begun + 1e9), 20)
  await w.store.events.prune({ keep: 5, keepMs: 1e12 }, 100)
  assert.equal(await placeBefore(w.store.events, 0), 15)
})

test('a webhook of another tenant, or of nobody, is not found, whatever is asked of it', async t => {
  const w = await aWebhookWorld(t)
  const { id } = await w.hook('http://127.0.0.1:1/')
  const sent = await w.hooks.test(id)
  const theirs = w.service('other')
  for (const ask of [
    () => theirs.get(id),
    () => theirs.update(id, { enabled: false }),
    () => theirs.delete(id),
    () => theirs.rotate(id),
    () => theirs.test(id),
    () => theirs.replayAll(id, { since: sent.createdAt }),
    () => theirs.deliveries(id),
    () => theirs.delivery(id, sent.id),
    () => theirs.replay(id, sent.id),
    () => w.hooks.get('whk_nobodys'),
    () => w.hooks.delivery(id, 'dlv_nobodys'),
  ]) {
    const refusal = await refusalOf(ask)
    assert.equal(refusal.code, 'not_found', refusal.message)
  }
  assert.equal((await w.hooks.get(id)).enabled, true)
})

test('URLs that are never sent to are refused when they are given', async t => {
  const w = await aWebhookWorld(t)
  const { id } = await w.hook('http://127.0.0.1:1/')
  for (const [url, why] of [
    ['ftp://hooks.example/', /https/],
    ['nonsense', /https/],
    ['https://ana:secret@hooks.example/', /a user or a password/],
    ['https://hooks.example/#part', /never sent/],
    ['https://10.0.0.1/', /10\.0\.0\.1 is not a public address/],
    ['https://0x7f.2/', /127\.0\.0\.2 is not a public address/],
    ['https://[::ffff:10.0.0.1]/', /not a public address/],
  ] as const) {
    for (const ask of [() => w.hooks.create({ url }), () => w.hooks.update(id, { url })]) {
      const refusal: SlipwayError = await refusalOf(ask)
      assert.ok(isSlipwayError(refusal, 'invalid_request') && refusal.fields?.[0]?.pointer === '/url')
      assert.match(refusal.message, why, url)
    }
  }
})
