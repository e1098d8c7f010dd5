import { messageOf } from '../errors.ts'
import type { EventBus } from '../event/bus.ts'
import type { Event } from '../event/event.ts'
import { type EventFilter, matches } from '../event/look.ts'
import { bytesOf, frameOf } from './frame.ts'

/** One of those who are told of an event as it happens. */
export interface Follower {
  readonly filter: EventFilter
  /** Everything up to here was told to it, or is not for it. */
  readonly place: number
  /** An event for it. */
  hand(seq: number, bytes: Uint8Array): void
  /** The log can't be followed any more. */
  dismiss(): void
}

/** Those who have read everything there is, and wait for what comes: one reader of the log for them all. */
export interface EventReaders {
  /** Begins to follow the log, if nobody does yet. */
  begin(): Promise<void>
  /**
   * Takes one in who is told of everything from its place on. Refuses one whose place is before what was told last: it reads on, and comes
   * again.
   */
  join(follower: Follower): boolean
  /** Takes it out again; resolves to the place up to which it was told of everything. */
  leave(follower: Follower): number
}

/** Those who ask for the same are told of the same. */
interface Group {
  readonly filter: EventFilter
  readonly members: Set<Follower>
}

/** Followers of this bus, until the signal is aborted. */
export function eventReaders(
  { bus, end, log }: { bus: EventBus; end: AbortSignal; log: { warn(data: object, text: string): void } },
  lastSeq: () => Promise<number>,
): EventReaders {
  const groups = new Map<string, Group>()
  let begun: Promise<void> | undefined
  let told = 0

  const hand = (event: Event): void => {
    told = event.seq
    let bytes: Uint8Array | undefined
    for (const { filter, members } of groups.values()) {
      if (!matches(event, filter)) continue
      bytes ??= bytesOf(frameOf(event))
      for (const member of members) member.hand(event.seq, bytes)
    }
  }
  const follow = async (after: number): Promise<void> => {
    try {
      for await (const event of bus.watch({ after }, end)) hand(event)
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the log of events could not be followed; those who listen come again')
    }
    begun = undefined
    for (const { members } of groups.values()) for (const member of members) member.dismiss()
  }

  return {
    begin: () =>
      (begun ??= lastSeq().then(
        place => {
          told = place
          void follow(place) // it rejects never, and dismisses everybody when it ends
        },
        (error: unknown) => {
          begun = undefined
          throw error
        },
      )),
    join(follower) {
      if (!begun || follower.place < told) return false
      const key = JSON.stringify(follower.filter)
      const group = groups.get(key) ?? { filter: follower.filter, members: new Set() }
      groups.set(key, group)
      group.members.add(follower)
      return true
    },
    leave(follower) {
      const key = JSON.stringify(follower.filter)
      const group = groups.get(key)
      if (!group?.members.delete(follower)) return follower.place
      if (group.members.size === 0) groups.delete(key)
      return Math.max(told, follower.place)
    },
  }
}
