import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFlightLimits } from '../../src/event/webhook-sender.ts'
import { wire } from '../../src/wire.ts'
import { until } from '../support/until.ts'
import { aReceiver, hangs, type Received, verified } from './receiver.ts'
import { aWebhookWorld } from './webhook-world.ts'

const hourMs = 3_600_000

test('an event is sent as the API tells it, signed, and written down with what was answered', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => response => response.writeHead(201).end('thanks'))
  const { id, secret } = await w.hook(receiver.url)
  const event = await w.bus.publish({
    type: 'instance.scaled',
    tenantId: 'acme',
    instanceId: 'inst_1',
    data: { replicas: { web: 2 }, byWhom: 'ana' },
  })
  const [received] = await receiver.count(1)
  assert.ok(received)
  assert.deepEqual(verified(secret, received), JSON.parse(JSON.stringify(wire(event))))
  assert.equal(received.id, event.id)
  assert.equal(received.event.data.by_whom, 'ana')
  assert.equal(received.headers['content-type'], 'application/json')
  const [delivery] = await w.states(id, 'delivered')
  assert.deepEqual(
    delivery?.attempts.map(({ status, answer, error }) => [status, answer, error]),
    [[201, 'thanks', undefined]],
  )
})

test('a receiver that fails, hangs, points elsewhere and comes back gets each event, and those of an instance in order', async t => {
  const w = await aWebhookWorld(t)
  const elsewhere = await aReceiver(t)
  const receiver = await aReceiver(t)
  const manners = [500, hangs, 'redirect', 'cut', 503, 200] as const
  let n = 0
  receiver.behave(({ event }) => {
    if (event.instance_id !== 'inst_1') return 200
    const manner = manners[Math.min(n++, manners.length - 1)] ?? 200
    if (manner === 'redirect') return response => response.writeHead(307, { location: elsewhere.url }).end()
    if (manner === 'cut') return response => response.destroy()
    return manner
  })
  const { id, secret } = await w.hook(receiver.url)
  const first = await w.happen('inst_1', 'deploy.queued', 'deploy.started', 'deploy.succeeded')
  const second = await w.happen('inst_2', 'deploy.queued', 'deploy.started')
  for (let attempt = 1; attempt < manners.length; attempt++) {
    await receiver.count(second.length + attempt)
    if (manners[attempt - 1] === hangs) await w.clock.advance(15_000)
    await w.toNextTry(id, attempt)
  }
  await w.reach(id, all => all.length === 5 && all.every(({ state }) => state === 'delivered'))
  const order = (instance: string) => receiver.received.filter(({ event }) => event.instance_id === instance)
  assert.deepEqual(
    order('inst_1').map(received => received.id),
    [...Array.from({ length: manners.length }, () => first[0]), ...first.slice(1)],
  )
  assert.deepEqual(
    order('inst_2').map(received => received.id),
    second,
  )
  assert.equal(elsewhere.connected, 0)
  for (const received of receiver.received.slice(0, 4)) verified(secret, received)
  const [tried] = await w.deliveries(id)
  assert.deepEqual(
    tried?.attempts.map(({ status, error }) => [status, error?.replace(/other side.*/, 'other side')]),
    [
      [500, 'answered 500'],
      [undefined, 'no answer within 15 s'],
      [307, 'answered 307; where it points to is not followed'],
      [undefined, 'other side'],
      [503, 'answered 503'],
      [200, undefined],
    ],
  )
})

test('it is tried again after longer and longer waits for three days, then given up, which is told; what waited behind it gets its try', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(({ event }) => (event.type === 'deploy.started' ? 200 : 500))
  const { id } = await w.hook(receiver.url, { types: ['deploy.*'] })
  const [failing] = await w.happen('inst_1', 'deploy.queued', 'deploy.started')
  const waits: number[] = []
  for (let attempt = 1; ; attempt++) {
    await receiver.count(attempt)
    const [first] = await w.reach(id, ([one]) => one?.attemptCount === attempt)
    if (first?.nextAt === undefined) break
    waits.push(await w.toNextTry(id, attempt))
  }
  const seconds = waits.map(ms => ms / 1000)
  assert.deepEqual(seconds.slice(0, 9), [5, 15, 45, 135, 405, 1215, 3645, 10_935, 32_805])
  assert.ok(seconds.slice(9, -1).every(wait => wait === 12 * 3600))
  assert.equal(
    waits.reduce((all, ms) => all + ms),
    72 * hourMs,
  )
  const [first] = await w.states(id, 'failed', 'delivered')
  assert.equal(first?.eventId, failing)
  assert.equal(receiver.received.filter(received => received.id === failing).length, waits.length + 1)
  const [told] = await w.store.events.recent({ limit: 1 })
  assert.deepEqual(
    [told?.type, told?.data],
    ['webhook.delivery_failed', { webhookId: id, deliveryId: first?.id, eventId: failing }],
  )
  assert.deepEqual(w.warnings, ['a delivery was given up'])
})

test('a receiver asks to be left alone for a while, and is', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => response => response.writeHead(429, { 'retry-after': '600' }).end())
  const { id } = await w.hook(receiver.url)
  await w.happen('inst_1', 'deploy.queued')
  assert.equal(await w.toNextTry(id, 1), 600_000)
})

test('a receiver that says 410 is sent nothing any more, also not what waits; enabled again it is told what happens from then on', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => 410)
  const { id } = await w.hook(receiver.url)
  await w.happen('inst_1', 'deploy.queued', 'deploy.started')
  await w.states(id, 'failed', 'cancelled')
  const { enabled, disabled } = await w.hooks.get(id)
  assert.deepEqual([enabled, disabled?.code], [false, 'gone'])
  await w.happen('inst_1', 'deploy.succeeded')
  receiver.behave(() => 200)
  const again = await w.hooks.update(id, { enabled: true })
  assert.deepEqual([again.enabled, again.disabled], [true, undefined])
  const [last] = await w.happen('inst_1', 'instance.scaled')
  const all = await w.states(id, 'failed', 'cancelled', 'delivered')
  assert.equal(all.at(-1)?.eventId, last)
  assert.deepEqual(
    receiver.received.map(({ event }) => event.type),
    ['deploy.queued', 'instance.scaled'],
  )
})

test('one that hangs for an instance, or for good, keeps neither other instances nor other receivers waiting', async t => {
  const w = await aWebhookWorld(t)
  const deaf = await aReceiver(t)
  const partly = await aReceiver(t)
  deaf.behave(() => hangs)
  partly.behave(({ event }) => (event.instance_id === 'inst_0' ? hangs : 200))
  const forDeaf = await w.hook(deaf.url)
  const forPartly = await w.hook(partly.url)
  for (let n = 0; n < 20; n++) await w.happen(`inst_${n}`, 'deploy.queued', 'deploy.started')
  await w.reach(forPartly.id, all => all.filter(({ state }) => state === 'delivered').length === 38)
  assert.equal((await deaf.count(4)).length, 4, 'so many at once, and no more')
  assert.equal(partly.received.filter(({ event }) => event.instance_id === 'inst_0').length, 1)
  await w.clock.advance(15_000)
  // While it fails it is asked one thing at a time.
  await w.reach(forDeaf.id, all => all.filter(({ attemptCount }) => attemptCount === 1).length === 4)
  assert.equal((await deaf.count(5)).length, 5)
})

test('all the webhooks of a tenant that hang take no more than its share, and the others of it come when one is done', async t => {
  const w = await aWebhookWorld(t)
  const deaf = await Promise.all(Array.from({ length: 5 }, () => aReceiver(t)))
  for (const receiver of deaf) receiver.behave(() => hangs)
  const asked = () => deaf.reduce((sum, { received }) => sum + received.length, 0)
  for (let n = 0; n < 20; n++) await w.service('evil').create({ url: deaf[n % 5]?.url ?? '' })
  const good = await aReceiver(t)
  await w.hook(good.url)
  for (let n = 0; n < 4; n++) await w.bus.publish({ type: 'deploy.queued', tenantId: 'evil', instanceId: `inst_${n}` })
  await until('its share is taken', () => asked() >= inFlightLimits.tenant)
  await w.happen('inst_1', 'deploy.queued')
  await good.count(1)
  assert.equal(asked(), inFlightLimits.tenant)
  await w.clock.advance(15_000)
  await until('its others have their turn', () => asked() === 2 * inFlightLimits.tenant)
})

test('a webhook that is disabled or deleted is let go of at once: what is under way is cut, and nothing follows', async t => {
  const w = await aWebhookWorld(t)
  for (const end of ['disabled', 'deleted']) {
    const receiver = await aReceiver(t)
    receiver.behave(() => hangs)
    const { id } = await w.hook(receiver.url)
    await w.happen('inst_1', 'deploy.queued', 'deploy.started')
    await receiver.count(1)
    if (end === 'disabled') {
      await w.hooks.update(id, { enabled: false })
      assert.equal((await w.hooks.get(id)).disabled?.code, 'by_request')
      await w.states(id, 'cancelled', 'cancelled')
    } else await w.hooks.delete(id)
    await until('the request is cut', () => receiver.cut === 1)
    await w.happen('inst_1', 'deploy.succeeded')
    await w.clock.advance(hourMs)
    assert.equal(receiver.received.length, 1, end)
  }
})

test('it is told of the types and instances it asks for, and of its own tenant only', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  const instance = `inst_${'0'.repeat(26)}`
  const { id } = await w.hook(receiver.url, { types: ['deploy.*', 'instance.scaled'], instances: [instance] })
  const [started] = await w.happen(instance, 'deploy.started', 'instance.created')
  await w.happen('inst_2', 'deploy.started')
  await w.happen(undefined, 'secret.rotated')
  await w.bus.publish({ type: 'deploy.started', tenantId: 'other', instanceId: instance })
  const [scaled] = await w.happen(instance, 'instance.scaled')
  await w.states(id, 'delivered', 'delivered')
  assert.deepEqual(
    receiver.received.map((received: Received) => received.id),
    [started, scaled],
  )
})

test('what is answered is read to a bound, and kept without secrets', async t => {
  const w = await aWebhookWorld(t)
  await w.vault.store('acme', 'db', 'hunter2hunter2')
  const receiver = await aReceiver(t)
  receiver.behave(() => response => {
    response.writeHead(500)
    response.write('cannot log in with hunter2hunter2\n')
    const more = (): unknown => response.write('x'.repeat(65_536), error => error ?? setImmediate(more))
    more()
  })
  const { id } = await w.hook(receiver.url)
  await w.happen('inst_1', 'deploy.queued')
  const [delivery] = await w.reach(id, ([one]) => one?.attemptCount === 1)
  const { answer = '', status } = delivery?.attempts[0] ?? {}
  assert.equal(status, 500)
  assert.match(answer, /^cannot log in with •••\nx+$/)
  assert.equal(answer.length, 512)
})

test('what was under way when the deliverer stopped is sent again by the next one, and what happened meanwhile is made up for', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => hangs)
  const { id } = await w.hook(receiver.url)
  const [queued] = await w.happen('inst_1', 'deploy.queued')
  await receiver.count(1)
  await w.stop()
  const [started] = await w.happen('inst_1', 'deploy.started')
  receiver.behave(() => 200)
  await w.restart()
  await w.states(id, 'delivered', 'delivered')
  assert.deepEqual(
    receiver.received.map(received => received.id),
    [queued, queued, started],
  )
})

test('one that waits for its next try is tried then, also by a deliverer that was started meanwhile', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => 500)
  const { id } = await w.hook(receiver.url)
  await w.happen('inst_1', 'deploy.queued')
  await w.reach(id, ([one]) => one?.attemptCount === 1)
  receiver.behave(() => 200)
  const waiting = w.clock.waiting
  await w.restart()
  await until('the new one waits too', () => w.clock.waiting >= waiting)
  assert.equal(receiver.received.length, 1)
  await w.toNextTry(id, 1)
  await w.states(id, 'delivered')
})

test('a webhook that fails is not told that it fails, and two of them do not tell each other for ever', async t => {
  const w = await aWebhookWorld(t)
  const receiver = await aReceiver(t)
  receiver.behave(() => 500)
  const both = [await w.hook(receiver.url), await w.hook(receiver.url)]
  await w.states(both[0]?.id ?? '', 'pending')
  await w.clock.advance(100 * hourMs)
  for (const { id } of both) {
    await until('all is given up', async () => {
      await w.clock.advance(hourMs)
      return (await w.deliveries(id)).every(({ state }) => state === 'failed')
    })
  }
  const all = (await Promise.all(both.map(({ id }) => w.deliveries(id)))).flat()
  assert.deepEqual(
    all.map(({ eventType }) => eventType),
    ['webhook.created'],
  )
})
