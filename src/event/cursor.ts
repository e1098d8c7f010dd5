import type { EventStore } from './event.ts'

/** How far a subscriber has read. */
export interface Cursor {
  /** The place to read on from. */
  position(): Promise<number>
  /** Everything up to this place is done. */
  move(seq: number): Promise<void>
}

/** A cursor that outlives the process, under its subscriber's name. A new one begins at `after`. */
export function durableCursor(events: EventStore, subscriber: string, after: number): Cursor {
  return {
    position: async () => Math.max(after, await events.cursor(subscriber)),
    move: seq => events.setCursor(subscriber, seq),
  }
}

/** A cursor that is forgotten with its subscription. Without `after` it begins with what is written from now on. */
export function passingCursor(events: EventStore, after?: number): Cursor {
  let known = after
  return {
    async position() {
      known ??= await events.lastSeq()
      return known
    },
    async move(seq) {
      known = seq
    },
  }
}
