import { type Clock, systemClock } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import { bell as newBell } from './bell.ts'
import { durableCursor, passingCursor } from './cursor.ts'
import { deliver, type Gap } from './delivery.ts'
import type { Event, EventStore, EventType, NewEvent } from './event.ts'
import type { EventFilter, Look } from './look.ts'
import { tailOf } from './tail.ts'

/** Takes one event. It is told the event again when it throws or rejects, so it must bear to be told twice. */
export type EventHandler = (event: Event, signal: AbortSignal) => unknown

/** How a subscriber reads. */
export interface SubscribeOptions {
  /** Its place in the log outlives the process under this name, and a new name begins at the start of the log. */
  readonly name?: string
  /** Begin after this place. Without name and place: with what is written from now on. */
  readonly after?: number
  /**
   * Told when the log was pruned beyond its place before it had read it, as happens to one that was away for long: whatever it keeps of
   * the state has to be read anew. It goes on with what is there, and is told again when it throws or rejects.
   */
  readonly onMissed?: (gap: Gap) => unknown
}

/** A subscriber's hold on the bus. */
export interface Subscription {
  /** Ends it; resolves when no more events are handed to it. */
  close(): Promise<void>
}

/** Which events, and from where. */
export interface WatchFilter extends EventFilter {
  /** Only after this place. Default: from now on. */
  readonly after?: number
}

/** Readers of the one log of events. Each reads at its own pace: one that is slow or fails neither loses events nor keeps others waiting. */
export interface EventBus {
  /** Writes an event that belongs to no other change. */
  publish(event: NewEvent): Promise<Event>
  /** Hands events of these types to `handler`, one after the other in the order of the log, each at least once. Throws `already_exists` for a name that is subscribed. */
  subscribe(
    types: EventType | readonly EventType[] | '*',
    handler: EventHandler,
    options?: SubscribeOptions,
  ): Subscription
  /**
   * Follows the log until the signal is aborted or the bus closed. Ends then; throws when the log can't be read, and `events_gone` when it
   * was pruned beyond the place it is at.
   */
  watch(filter: WatchFilter, signal: AbortSignal): AsyncIterable<Event>
  /** What lies after a place, for readers who keep their place themselves; near the end of the log nothing is read for it. */
  look(filter: EventFilter, after: number): Promise<Look>
  /** The same by what each look at the log finds, for readers that keep their own place: also how far it looked, and what was gone. */
  follow(filter: EventFilter, after: number, signal: AbortSignal): AsyncIterable<Look>
  /** The newest events, newest first. */
  recent(query: Parameters<EventStore['recent']>[0]): Promise<Event[]>
  /** Events were committed: readers look at once instead of at their next poll. */
  wake(): void
  /** Ends all subscriptions and watches. */
  close(): Promise<void>
}

/** What a bus is made with. */
export interface EventBusOptions {
  readonly events: EventStore
  readonly clock?: Clock
  /** How often the log is looked at when nothing wakes its readers, milliseconds. Default 1000. */
  readonly pollMs?: number
  /** Told when a handler or the log failed, and when it is tried again. Default: nobody, as it is tried again. */
  readonly onFailure?: (failure: { error: unknown; subscriber: string; event?: Event; retryMs: number }) => void
}

/**
 * A bus over a log of events.
 *
 * @example
 * const bus = eventBus({ events: store.events })
 * bus.subscribe('deploy.succeeded', event => notify(event), { name: 'chat' })
 */
export function eventBus({ events, clock = systemClock, pollMs = 1000, onFailure }: EventBusOptions): EventBus {
  const bell = newBell(clock)
  const tail = tailOf(events)
  const closed = new AbortController()
  const subscriptions = new Set<Subscription>()
  const names = new Set<string>()

  const open = () => {
    if (closed.signal.aborted) throw new SlipwayError('closed', 'The event bus was closed.')
  }

  return {
    async publish(event) {
      open()
      const written = await events.append(event)
      bell.ring()
      return written
    },

    subscribe(types, handler, { name, after, onMissed } = {}) {
      open()
      if (name !== undefined && names.has(name)) {
        throw new SlipwayError('already_exists', `A subscriber named "${name}" is reading already.`, {
          next: 'Close it first, or choose another name.',
        })
      }
      if (name !== undefined) names.add(name)
      const ended = new AbortController()
      const reading = deliver({
        events,
        clock,
        bell,
        pollMs,
        filter: types === '*' ? {} : { types: typeof types === 'string' ? [types] : types },
        cursor: name === undefined ? passingCursor(events, after) : durableCursor(events, name, after ?? 0),
        handler,
        failed: (error, event, retryMs) =>
          onFailure?.({ error, subscriber: name ?? 'unnamed', ...(event ? { event } : {}), retryMs }),
        missed: gap => {
          onFailure?.({ error: eventsGone(gap), subscriber: name ?? 'unnamed', retryMs: 0 })
          return onMissed?.(gap)
        },
        signal: ended.signal,
      })
      const subscription: Subscription = {
        async close() {
          ended.abort()
          await reading
          subscriptions.delete(subscription)
          if (name !== undefined) names.delete(name)
        },
      }
      subscriptions.add(subscription)
      return subscription
    },

    watch({ after, ...filter }, signal) {
      open()
      // Asked for now, not at the first turn of the loop: what happens in between belongs to the watcher.
      const begin = after === undefined ? events.lastSeq() : Promise.resolve(after)
      begin.catch((error: unknown) => void error) // because it is thrown at the first turn, if there is one
      return watch(begin, filter, AbortSignal.any([signal, closed.signal]))
    },

    follow(filter, after, signal) {
      open()
      return looks(after, filter, AbortSignal.any([signal, closed.signal]))
    },

    look: (filter, after) => tail.look(filter, after),
    recent: query => events.recent(query),
    wake: () => bell.ring(),

    async close() {
      closed.abort()
      await Promise.all([...subscriptions].map(subscription => subscription.close()))
    },
  }

  async function* watch(begin: Promise<number>, filter: EventFilter, end: AbortSignal): AsyncGenerator<Event, void> {
    let place = await begin
    for await (const { events: found, upTo, gone } of looks(place, filter, end)) {
      if (gone !== undefined) throw eventsGone({ after: place, upTo: gone })
      for (const event of found) {
        if (end.aborted) return
        yield event
      }
      place = upTo
    }
  }

  async function* looks(after: number, filter: EventFilter, end: AbortSignal): AsyncGenerator<Look, void> {
    let place = after
    while (!end.aborted) {
      const rung = bell.rung
      const seen = await tail.look(filter, place)
      yield seen
      place = seen.upTo
      if (!seen.more) await bell.since(rung, pollMs, end)
    }
  }
}

function eventsGone({ after, upTo }: Gap): SlipwayError {
  return new SlipwayError(
    'events_gone',
    `The events after ${after} are gone up to ${upTo}: the log keeps the newest.`,
    {
      next: 'Read the state anew, and follow the log from now on.',
      details: { after, upTo },
    },
  )
}
