import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import type { Frame } from '../../src/server/frame.ts'
import { eventStream } from '../../src/server/stream.ts'
import type { Acting } from '../../src/slipway.ts'
import { listenTo, openDeaf } from './listener.ts'
import { type Customer, startWorld, type World } from './world.ts'

describe('a stream of events', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  let acting: Acting
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) }, { beatMs: 100 })
    customer = await world.tenant()
    acting = world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  const listen = (query = '', headers: Record<string, string> = {}) =>
    listenTo(`${world.url}/v1/events/stream${query}`, { authorization: `Bearer ${customer.token}`, ...headers })
  const publish = async (count: number, more: object = {}): Promise<void> => {
    for (let n = 0; n < count; n++) {
      await world.machine.slipway.bus.publish({ type: 'instance.updated', tenantId: customer.id, data: { n }, ...more })
    }
  }

  test('begins with what comes after, in the order of the log', async () => {
    await publish(3)
    const listener = await listen()
    await publish(5)
    const heard = await listener.until(({ data }) => data.data.n === 4)
    assert.deepEqual(
      heard.map(({ data }) => data.data.n),
      [0, 1, 2, 3, 4],
    )
    listener.cut()
  })

  test('goes on where it was cut, by Last-Event-ID or by `after`: nothing missed, nothing twice', async () => {
    const place = String(await acting.events.place())
    const heard: number[] = []
    let last = place
    for (const by of ['after', 'header', 'header'] as const) {
      await publish(1, { data: { n: heard.length } })
      const listener =
        by === 'after' ? await listen(`?after=${last}`) : await listen('?after=0', { 'last-event-id': last })
      await publish(1, { data: { n: heard.length + 1 } })
      for (let n = 0; n < 2; n++) {
        const message = await listener.next()
        heard.push(message?.data.data.n)
        last = message?.id ?? ''
      }
      listener.cut()
    }
    assert.deepEqual(heard, [0, 1, 2, 3, 4, 5])
  })

  test('tells what was asked for, and nothing of other tenants', async () => {
    const stranger = await world.tenant()
    const listener = await listen('?type=instance.scaled')
    await publish(2)
    await publish(1, { type: 'instance.scaled', tenantId: stranger.id })
    await publish(1, { type: 'instance.scaled' })
    const [message] = await listener.until(() => true)
    assert.deepEqual([message?.data.type, message?.data.tenant_id], ['instance.scaled', customer.id])
    listener.cut()
  })

  test('says `reset` with where to go on when its place is not in the log', async () => {
    const listener = await listen('?after=999999999')
    const message = await listener.next()
    assert.equal(message?.event, 'reset')
    assert.equal(message.data.last_event_id, String(await acting.events.place()))
    assert.equal(await listener.next(), undefined)
    const page = await customer.send('GET', '/v1/events?after=999999999')
    assert.deepEqual([page.body.items, page.body.reset], [[], true])
    assert.equal((await listen('?after=x')).status, 400)
  })

  test('says `reset` when what comes next was pruned, before it listened or while it was slow; from 0 it begins with what is left', async t => {
    // A slow reader is let go by beats, and this is about one that comes back to it before.
    const own = await startWorld(t, { beatMs: 600_000 }, world.machine)
    const { events } = world.machine.slipway.store
    const prune = () => events.prune({ keep: 1, keepMs: 1e12 }, 1e6)
    const place = await acting.events.place()
    await publish(3)
    const slow = await listenTo(`${own.url}/v1/events/stream?after=${place}`, {
      authorization: `Bearer ${customer.token}`,
    })
    assert.equal((await slow.next())?.data.data.n, 0)
    const filler = 'x'.repeat(60_000)
    const all = Array.from({ length: 500 }, () => publish(1, { data: { filler } }))
    await Promise.all(all)
    await prune()
    const heard = await slow.until(({ event }) => event === 'reset')
    assert.ok(heard.length < 400, `${heard.length} were told before it`)
    const head = String(await acting.events.place())
    assert.equal(heard.at(-1)?.data.last_event_id, head)
    slow.cut()

    const late = await listen(`?after=${place}`)
    assert.deepEqual([(await late.next())?.event, await late.next()], ['reset', undefined])
    const whole = await listen('?after=0')
    const first = await whole.next()
    assert.deepEqual([first?.event, first?.id], ['message', head])
    whole.cut()
  })

  test('comments while nothing happens', async () => {
    const listener = await listen()
    const nothing = listener.next()
    await new Promise<void>(resolve => {
      const look = setInterval(() => {
        if (listener.comments() < 2) return
        clearInterval(look)
        resolve()
      }, 20)
    })
    await publish(1)
    assert.ok(await nothing)
    listener.cut()
  })

  test('ends when its token is revoked', async () => {
    const token = await customer.issue({ name: 'watcher', scopes: ['read'] })
    const listener = await listen('', { authorization: `Bearer ${token.secret}` })
    await acting.tokens.revoke(token.id)
    assert.equal(await listener.next(), undefined)
  })

  test('lets go of a reader that takes nothing, and makes nothing for it meanwhile', async () => {
    let made = 0
    let released = false
    async function* frames(): AsyncGenerator<Frame, void> {
      try {
        for (;;) yield { id: String(++made), data: {} }
      } finally {
        released = true
      }
    }
    const end = new AbortController()
    const stream = eventStream(frames(), { beatMs: 20, end, allowed: async () => true })
    await once(end.signal, 'abort')
    await assert.rejects(stream.getReader().read(), /took nothing/)
    assert.ok(made <= 1, `${made} were made`)
    assert.equal(released, made > 0)
  })

  test('costs no memory for readers that never read: each is let go, and its connection is closed', async t => {
    const own = await startWorld(t, { beatMs: 100 }, world.machine)
    const place = await acting.events.place()
    const filler = 'x'.repeat(60_000)
    await publish(200, { data: { filler } })
    const deaf = await Promise.all(
      Array.from({ length: 5 }, () => openDeaf(`${own.url}/v1/events/stream?after=${place}`, customer.token)),
    )
    t.after(() => deaf.forEach(({ destroy }) => destroy()))
    await Promise.all(deaf.map(({ closed }) => closed))
  })

  test('ends with the server, whose close waits for nobody', async t => {
    const own = await startWorld(t, {}, world.machine)
    const listener = await listenTo(`${own.url}/v1/events/stream`, { authorization: `Bearer ${customer.token}` })
    await own.server.close()
    assert.equal(await listener.next(), undefined)
  })
})
