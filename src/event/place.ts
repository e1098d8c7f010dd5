import type { EventStore } from './event.ts'

/** The place before the first event of this moment or later, ms since 1970. Times grow with places, but for a clock that was set back. */
export async function placeBefore(
  events: Pick<EventStore, 'read' | 'lastSeq' | 'prunedTo'>,
  ms: number,
): Promise<number> {
  let [low, high] = [await events.prunedTo(), await events.lastSeq()]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [next] = await events.read({ after: middle, limit: 1 })
    if (next && Date.parse(next.at) < ms) low = next.seq
    else high = middle
  }
  return low
}
