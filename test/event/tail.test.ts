import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import * as fc from 'fast-check'
import { eventBus } from '../../src/event/bus.ts'
import type { Event, EventStore, EventType } from '../../src/event/event.ts'
import { look } from '../../src/event/look.ts'
import { tailOf } from '../../src/event/tail.ts'
import { aLog } from './log.ts'

/** A real log that counts what is asked of it. */
async function countedLog(t: TestContext) {
  const { events } = await aLog(t)
  const asked = { reads: 0, heads: 0 }
  const counted: EventStore = {
    ...events,
    read: async query => {
      asked.reads++
      return await events.read(query)
    },
    lastSeq: async () => {
      asked.heads++
      return await events.lastSeq()
    },
  }
  return { log: counted, asked }
}

const types: readonly EventType[] = ['deploy.started', 'deploy.progress', 'deploy.succeeded']

describe('the tail of the log', () => {
  test('is read once for all who follow it, however many they are', async t => {
    const { log, asked } = await countedLog(t)
    const bus = eventBus({ events: log })
    t.after(() => bus.close())
    const leave = new AbortController()
    const watchers = Array.from({ length: 300 }, () => bus.watch({ tenantId: 'acme' }, leave.signal))
    const turns = watchers.map(watcher => watcher[Symbol.asyncIterator]())
    const firsts = turns.map(turn => turn.next())
    await bus.publish({ type: 'deploy.started', tenantId: 'acme' })
    await Promise.all(firsts)
    const before = { ...asked }
    const seconds = turns.map(turn => turn.next())
    await bus.publish({ type: 'deploy.succeeded', tenantId: 'acme' })
    const told = await Promise.all(seconds)
    leave.abort()
    assert.deepEqual(new Set(told.map(({ value }) => value?.type)), new Set(['deploy.succeeded']))
    const [reads, heads] = [asked.reads - before.reads, asked.heads - before.heads]
    assert.ok(reads <= 3 && heads <= 30, `the log was read ${reads} times, and asked for its end ${heads} times`)
  })

  test('tells each reader what the log would tell it, from whatever place and with whatever filter', async t => {
    const { log } = await countedLog(t)
    const tail = tailOf(log)
    const word = fc.constantFrom('a', 'b')
    const filter = fc.record(
      {
        tenantId: word,
        instanceId: word,
        instanceIds: fc.subarray(['a', 'b']),
        deploymentId: word,
        types: fc.subarray([...types]),
      },
      { requiredKeys: [] },
    )
    const event = fc.record(
      { type: fc.constantFrom(...types), tenantId: word, instanceId: word, deploymentId: word },
      { requiredKeys: ['type', 'tenantId'] },
    )
    const burst = fc.oneof(fc.array(event, { maxLength: 5 }), fc.array(event, { minLength: 190, maxLength: 450 }))
    await fc.assert(
      fc.asyncProperty(burst, filter, fc.nat(500), async (written, wanted, back) => {
        for (const one of written) await log.append(one)
        const after = Math.max(0, (await log.lastSeq()) - back)
        const [given, right] = [
          await all(after, place => tail.look(wanted, place)),
          await all(after, place => look(log, wanted, place)),
        ]
        assert.deepEqual(given, right)
      }),
      { numRuns: 30 },
    )
  })

  test('fails for those who ask while the log does, and for nobody else', async t => {
    const { events, append, state } = await aLog(t)
    const tail = tailOf(events)
    await tail.look({}, 0)
    await append('deploy.started')
    state.broken = true
    await Promise.all([
      assert.rejects(tail.look({}, 0), /database is locked/),
      assert.rejects(tail.look({}, 0), /database is locked/),
    ])
    state.broken = false
    assert.deepEqual(
      (await tail.look({}, 0)).events.map(({ type }) => type),
      ['deploy.started'],
    )
  })
})

async function all(
  after: number,
  ask: (after: number) => ReturnType<typeof look>,
): Promise<{ events: Event[]; upTo: number }> {
  const events: Event[] = []
  for (let place = after; ; ) {
    const seen = await ask(place)
    events.push(...seen.events)
    place = seen.upTo
    if (!seen.more) return { events, upTo: place }
  }
}
