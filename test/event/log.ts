import type { TestContext } from 'node:test'
import type { Clock } from '../../src/clock.ts'
import type { EventStore, EventType } from '../../src/event/event.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

/** A real log in memory that fails while it is told to, and appends events as rows of the test ask for. */
export async function aLog(t: TestContext, clock?: Clock) {
  const store = await sqliteStore({ path: ':memory:', ...(clock ? { clock } : {}) })
  t.after(() => store.close())
  const state = { broken: false, moves: 0 }
  const events: EventStore = {
    append: event => store.events.append(event),
    read: query => (state.broken ? Promise.reject(new Error('database is locked')) : store.events.read(query)),
    recent: query => store.events.recent(query),
    lastSeq: () => store.events.lastSeq(),
    prune: (cap, limit) => store.events.prune(cap, limit),
    prunedTo: () => store.events.prunedTo(),
    cursor: name => store.events.cursor(name),
    setCursor: (name, seq) => {
      state.moves++
      return store.events.setCursor(name, seq)
    },
  }
  const append = async (...types: EventType[]) => {
    for (const type of types) await events.append({ type, tenantId: 'acme', instanceId: 'inst_1' })
  }
  return { events, append, state }
}
