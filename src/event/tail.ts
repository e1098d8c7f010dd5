import type { Event, EventStore } from './event.ts'
import { type EventFilter, type Look, look, matches } from './look.ts'

/** How many of the newest events are kept at hand. */
const kept = 200

/** The end of the log, read once for all who follow it. */
export interface Tail {
  /** What lies after a place. Who is near the end is given what was read for everybody; who is further behind looks into the log. */
  look(filter: EventFilter, after: number): Promise<Look>
}

/** The tail of a log; as long as nobody looks, nothing is read. */
export function tailOf(log: EventStore): Tail {
  let events: readonly Event[] = []
  /** Everything after `begin` and up to `upTo` is in `events`. */
  let [begin, upTo] = [Number.POSITIVE_INFINITY, 0]

  const readOn = inTurn(async () => {
    const head = await log.lastSeq()
    if (begin > upTo) begin = upTo = head
    if (head <= upTo) return
    const from = Math.max(upTo, head - kept)
    const read = await log.read({ after: from, limit: kept })
    const all = from > upTo ? read : [...events, ...read]
    const dropped = all.at(-kept - 1)
    begin = dropped ? dropped.seq : from > upTo ? from : begin
    events = all.slice(-kept)
    upTo = read.length < kept ? Math.max(head, events.at(-1)?.seq ?? 0) : (read.at(-1)?.seq ?? from)
  })

  return {
    async look(filter, after) {
      await readOn()
      if (after < begin) return await look(log, filter, after)
      const first = 1 + events.findLastIndex(event => event.seq <= after)
      const found = events.slice(first).filter(event => matches(event, filter))
      return { events: found, upTo: Math.max(upTo, after), more: false }
    },
  }
}

/** One answer for all who ask before it is begun: each is given one that was begun after it asked. */
function inTurn(answer: () => Promise<void>): () => Promise<void> {
  let next: Promise<void> | undefined
  let before: Promise<void> = Promise.resolve()
  return () => {
    if (next) return next
    next = before.then(() => {
      next = undefined
      return answer()
    })
    before = next.catch((error: unknown) => void error) // because whoever asked is told
    return next
  }
}
