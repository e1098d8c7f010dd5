import { unlessAborted } from '../abort.ts'
import type { Clock } from '../clock.ts'
import type { Bell } from './bell.ts'
import type { Cursor } from './cursor.ts'
import type { Event, EventStore } from './event.ts'
import { type EventFilter, look } from './look.ts'

/** A cursor is moved at most this late: what was told since is told again after a crash. */
const saveMs = 1000
/** Events that are not the subscriber's move its cursor only by so many at once: each move is a write. */
const strideOverOthers = 1000
const firstRetryMs = 100
const lastRetryMs = 30_000
/** The same for the log itself: what ails it ails everybody, and when it is well again so are its readers, soon. */
const lastLogRetryMs = 2000

/** One subscriber's way through the log. */
export interface Delivery {
  readonly events: EventStore
  readonly clock: Clock
  readonly bell: Bell
  readonly pollMs: number
  readonly filter: EventFilter
  readonly cursor: Cursor
  readonly handler: (event: Event, signal: AbortSignal) => unknown
  /** Told of each failure, and in how many milliseconds it is tried again. */
  readonly failed: (error: unknown, event: Event | undefined, retryMs: number) => void
  /** Told when the log was pruned beyond the subscriber's place: it never sees what lay after `after`, up to `upTo`. Told again when it throws. */
  readonly missed: (gap: Gap) => unknown
  readonly signal: AbortSignal
}

/** A part of the log that is gone, and was not read. */
export interface Gap {
  readonly after: number
  readonly upTo: number
}

/** Delivers in order, each event until its handler succeeds, until the signal is aborted. Never rejects. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { cursor, failed, signal } = delivery
  const place = { reached: 0, saved: 0 }
  try {
    await readOn(delivery, place)
  } catch (error) {
    if (!signal.aborted) throw error // a defect: everything that can fail is retried
  }
  try {
    if (place.reached > place.saved) await cursor.move(place.reached)
  } catch (error) {
    failed(error, undefined, 0)
  }
}

async function readOn(delivery: Delivery, place: { reached: number; saved: number }): Promise<void> {
  const { events, clock, bell, pollMs, filter, cursor, handler, missed, signal } = delivery
  let savedAt = clock.monotonic()
  const save = async () => {
    await cursor.move(place.reached)
    place.saved = place.reached
    savedAt = clock.monotonic()
  }
  const hand = async (event: Event) => {
    if (place.reached > place.saved && clock.monotonic() - savedAt >= saveMs) await save()
    await unlessAborted(Promise.resolve(handler(event, signal)), signal)
  }

  place.reached = place.saved = await untilItWorks(delivery, undefined, () => cursor.position())
  while (!signal.aborted) {
    const rung = bell.rung
    const seen = await untilItWorks(delivery, undefined, () => look(events, filter, place.reached))
    if (seen.gone !== undefined) {
      const gap = { after: place.reached, upTo: seen.gone }
      await untilItWorks(delivery, undefined, async () => await unlessAborted(Promise.resolve(missed(gap)), signal))
    }
    for (const event of seen.events) {
      await untilItWorks(delivery, event, () => hand(event))
      place.reached = event.seq
    }
    place.reached = seen.upTo
    if (seen.events.length > 0 || place.reached - place.saved >= strideOverOthers) {
      await untilItWorks(delivery, undefined, save)
    }
    if (!seen.more) await bell.since(rung, pollMs, signal)
  }
}

/** Tries again for ever, after longer and longer waits; rejects only with the signal's reason. */
async function untilItWorks<T>(delivery: Delivery, event: Event | undefined, attempt: () => Promise<T>): Promise<T> {
  const { clock, failed, signal } = delivery
  const longestMs = event ? lastRetryMs : lastLogRetryMs
  for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, longestMs)) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      failed(error, event, retryMs)
      await clock.sleep(retryMs, signal)
    }
  }
}
