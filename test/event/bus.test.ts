import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { eventBus } from '../../src/event/bus.ts'
import type { Event } from '../../src/event/event.ts'
import { fakeClock } from '../../src/provider/fake/clock.ts'
import { aLog } from './log.ts'

async function aBus(t: TestContext) {
  const clock = fakeClock()
  const log = await aLog(t, clock)
  const failures: { error: unknown; subscriber: string; retryMs: number; event?: Event }[] = []
  const another = () => {
    const bus = eventBus({ events: log.events, clock, onFailure: failure => failures.push(failure) })
    t.after(() => bus.close())
    return bus
  }
  return { ...log, clock, failures, bus: another(), another }
}

test('a subscriber is told the events of its types in order, soon after the bus is woken', async t => {
  const { bus, append, clock } = await aBus(t)
  const told: string[] = []
  bus.subscribe(['deploy.started', 'deploy.succeeded'], event => told.push(event.type))
  bus.subscribe('release.created', event => told.push(event.type))
  await clock.advance(0)
  await append('deploy.started', 'release.created', 'deploy.progress', 'deploy.succeeded')
  await clock.advance(0)
  assert.equal(told.length, 0)
  bus.wake()
  await clock.advance(0)
  assert.deepEqual(new Set(told), new Set(['deploy.started', 'deploy.succeeded', 'release.created']))
  assert.ok(told.indexOf('deploy.started') < told.indexOf('deploy.succeeded'))
})

test('an event that comes while another is being handled is told right after it', async t => {
  const { bus, append, clock } = await aBus(t)
  const told: string[] = []
  bus.subscribe('*', async event => {
    told.push(event.type)
    if (event.type !== 'deploy.queued') return
    await append('deploy.started')
    bus.wake()
  })
  await clock.advance(0)
  await append('deploy.queued')
  bus.wake()
  await clock.advance(0)
  assert.deepEqual(told, ['deploy.queued', 'deploy.started'])
})

test('events that nobody woke the bus for are found by its poll', async t => {
  const { bus, append, clock } = await aBus(t)
  const told: string[] = []
  bus.subscribe('*', event => told.push(event.type))
  await clock.advance(0)
  await append('deploy.started')
  await clock.advance(1000)
  assert.deepEqual(told, ['deploy.started'])
})

test('a handler that throws is told the event again until it takes it, after longer waits, while others go on', async t => {
  const { bus, append, clock, failures } = await aBus(t)
  const [told, others]: [string[], string[]] = [[], []]
  let broken = true
  bus.subscribe(
    '*',
    async event => {
      if (broken && event.type === 'deploy.started') throw new Error('no network')
      told.push(event.type)
    },
    { name: 'webhook' },
  )
  bus.subscribe('*', event => others.push(event.type))
  await clock.advance(0)
  await append('deploy.queued', 'deploy.started', 'deploy.succeeded')
  bus.wake()
  await clock.advance(60_000)
  assert.deepEqual(others, ['deploy.queued', 'deploy.started', 'deploy.succeeded'])
  assert.deepEqual(told, ['deploy.queued'])
  assert.deepEqual(
    failures.slice(0, 3).map(({ retryMs }) => retryMs),
    [100, 200, 400],
  )
  assert.deepEqual([failures[0]?.subscriber, failures[0]?.event?.type], ['webhook', 'deploy.started'])
  broken = false
  await clock.advance(30_000)
  assert.deepEqual(told, ['deploy.queued', 'deploy.started', 'deploy.succeeded'])
})

test('a named subscriber goes on where it was, and is told again what it had not finished', async t => {
  const { bus, another, append, clock } = await aBus(t)
  await append('deploy.queued', 'deploy.started')
  const first: string[] = []
  bus.subscribe(
    '*',
    async event => {
      first.push(event.type)
      if (event.type === 'deploy.started') await new Promise(() => {}) // still at it when the process ends
    },
    { name: 'audit' },
  )
  await clock.advance(0)
  await bus.close()
  const second: string[] = []
  another().subscribe('*', event => second.push(event.type), { name: 'audit' })
  await clock.advance(0)
  assert.deepEqual(first, ['deploy.queued', 'deploy.started'])
  assert.deepEqual(second, ['deploy.started'])
})

test('a handler that is slow or fails for long does not hold back the place of what came before', async t => {
  const { bus, append, clock, events } = await aBus(t)
  await append('deploy.queued', 'deploy.started')
  bus.subscribe(
    '*',
    event => {
      if (event.type === 'deploy.started') throw new Error('no')
    },
    { name: 'audit' },
  )
  await clock.advance(3000)
  const [, queued] = await events.recent({ limit: 2 })
  assert.equal(await events.cursor('audit'), queued?.seq)
})

test('a new named subscriber begins at the start of the log, an unnamed one with what comes', async t => {
  const { bus, append, clock } = await aBus(t)
  await append('deploy.queued')
  const [named, unnamed]: [string[], string[]] = [[], []]
  bus.subscribe('*', event => named.push(event.type), { name: 'audit' })
  bus.subscribe('*', event => unnamed.push(event.type))
  await clock.advance(0)
  await bus.publish({ type: 'deploy.started', tenantId: 'acme' })
  await clock.advance(0)
  assert.deepEqual(named, ['deploy.queued', 'deploy.started'])
  assert.deepEqual(unnamed, ['deploy.started'])
})

test('more events than fit in one look all come, once and in order', async t => {
  const { bus, append, clock } = await aBus(t)
  await append(...Array.from({ length: 350 }, () => 'deploy.progress' as const))
  const told: number[] = []
  const all = Promise.withResolvers<void>()
  const hear = ({ seq }: Event) => {
    if (told.push(seq) === 350) all.resolve()
  }
  bus.subscribe('*', hear, { after: 0 })
  // Not one turn of the clock: a busy machine gives the store's breaths more than that.
  await clock.until(all.promise, 900)
  assert.deepEqual(
    told,
    [...new Set(told)].toSorted((a, b) => a - b),
  )
})

test('a log that can not be read is tried again and nothing is lost', async t => {
  const { bus, append, clock, state, failures } = await aBus(t)
  const told: string[] = []
  bus.subscribe('*', event => told.push(event.type), { after: 0 })
  state.broken = true
  await append('deploy.started')
  await clock.advance(5000)
  assert.ok(failures.length > 2)
  state.broken = false
  await clock.advance(30_000)
  assert.deepEqual(told, ['deploy.started'])
})

test('events of others cost a named subscriber no write each', async t => {
  const { bus, append, clock, state } = await aBus(t)
  bus.subscribe('secret.revoked', () => {}, { name: 'audit' })
  for (let round = 0; round < 20; round++) {
    await append('deploy.progress')
    bus.wake()
    await clock.advance(0)
  }
  assert.equal(state.moves, 0)
})

test('a watcher follows what it asked for, from when it asked, until its signal is aborted', async t => {
  const { bus, append, clock } = await aBus(t)
  await append('deploy.queued')
  const leave = new AbortController()
  const watching = bus.watch({ instanceId: 'inst_1', types: ['deploy.started', 'deploy.failed'] }, leave.signal)
  await append('deploy.started', 'deploy.progress')
  const told: string[] = []
  const done = (async () => {
    for await (const event of watching) told.push(event.type)
  })()
  await clock.advance(0)
  await append('deploy.failed')
  bus.wake()
  await clock.advance(0)
  leave.abort()
  await done
  assert.deepEqual(told, ['deploy.started', 'deploy.failed'])
  assert.equal(clock.waiting, 0)
})

test('a closed bus ends its watchers and subscribers, and refuses new ones', async t => {
  const { bus, append, clock } = await aBus(t)
  const told: string[] = []
  bus.subscribe('*', event => told.push(event.type))
  const watching = bus.watch({}, new AbortController().signal)[Symbol.asyncIterator]()
  const next = watching.next()
  await clock.advance(0)
  await bus.close()
  assert.equal((await next).done, true)
  await append('deploy.started')
  await clock.advance(5000)
  assert.deepEqual(told, [])
  assert.throws(
    () => bus.subscribe('*', () => {}),
    error => isSlipwayError(error, 'closed'),
  )
  assert.equal(clock.waiting, 0)
})

test('a name is subscribed once at a time', async t => {
  const { bus } = await aBus(t)
  const subscription = bus.subscribe('*', () => {}, { name: 'audit' })
  assert.throws(
    () => bus.subscribe('*', () => {}, { name: 'audit' }),
    error => isSlipwayError(error, 'already_exists'),
  )
  await subscription.close()
  bus.subscribe('*', () => {}, { name: 'audit' })
})

test('a subscriber whose place was pruned from the log is told what it missed, once, and goes on with what is there', async t => {
  const { bus, another, append, clock, events, failures } = await aBus(t)
  const early: string[] = []
  const away = bus.subscribe('*', event => early.push(event.type), { name: 'audit' })
  await append('deploy.queued')
  await clock.advance(1000)
  await away.close()
  await append('deploy.started', 'deploy.progress', 'deploy.succeeded', 'deploy.queued')
  assert.equal(await events.prune({ keep: 1, keepMs: 1e12 }, 100), 3)
  const told: string[] = []
  const missed: unknown[] = []
  another().subscribe('*', event => told.push(event.type), { name: 'audit', onMissed: gap => missed.push(gap) })
  await clock.advance(1000)
  await append('deploy.started')
  await clock.advance(1000)
  assert.deepEqual(early, ['deploy.queued'])
  assert.deepEqual(told, ['deploy.succeeded', 'deploy.queued', 'deploy.started'])
  assert.deepEqual(missed, [{ after: 1, upTo: 3 }])
  assert.equal(failures.length, 1)
})

test('a subscriber that fails to hear what it missed is told again, and nothing is handed to it before', async t => {
  const { bus, append, clock, events, failures } = await aBus(t)
  await append('deploy.queued', 'deploy.started', 'deploy.progress', 'deploy.succeeded')
  await events.setCursor('audit', 1)
  await events.prune({ keep: 1, keepMs: 1e12 }, 100)
  const told: unknown[] = []
  const onMissed = async (gap: unknown): Promise<void> => {
    told.push(gap)
    if (told.length === 1) throw new Error('the state could not be read')
  }
  bus.subscribe('*', event => told.push(event.type), { name: 'audit', onMissed })
  await clock.advance(1000)
  const gap = { after: 1, upTo: 2 }
  assert.deepEqual(told, [gap, gap, 'deploy.progress', 'deploy.succeeded'])
  assert.ok(failures.some(({ error }) => /could not be read/.test(String(error))))
})

test('a subscriber that is new, or has read what was pruned, missed nothing', async t => {
  const { bus, append, clock, events } = await aBus(t)
  const missed: unknown[] = []
  const onMissed = (gap: unknown) => missed.push(gap)
  await append('deploy.queued', 'deploy.started', 'deploy.progress')
  await events.prune({ keep: 1, keepMs: 1e12 }, 100)
  bus.subscribe('*', () => {}, { name: 'new', onMissed })
  bus.subscribe('*', () => {}, { after: 2, onMissed })
  await clock.advance(1000)
  await append('deploy.succeeded')
  await clock.advance(1000)
  assert.deepEqual(missed, [])
})

test('a watcher that goes on from a place that was pruned is told so, and not shown a part of what there was', async t => {
  const { bus, append, events } = await aBus(t)
  await append('deploy.queued', 'deploy.started', 'deploy.progress', 'deploy.succeeded')
  await events.prune({ keep: 1, keepMs: 1e12 }, 100)
  const next = bus.watch({ after: 1 }, new AbortController().signal)[Symbol.asyncIterator]().next()
  await assert.rejects(
    next,
    error => isSlipwayError(error, 'events_gone') && error.details?.['upTo'] === 3 && /anew/.test(error.next ?? ''),
  )
  const fromStart = bus.watch({ after: 0 }, new AbortController().signal)[Symbol.asyncIterator]()
  assert.equal((await fromStart.next()).value?.type, 'deploy.succeeded')
})
