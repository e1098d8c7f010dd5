import type { RevisionTraffic } from '../router/router.ts'

/** The counters of a revision's traffic, without what is true only at one moment. */
export type TrafficCounts = Pick<RevisionTraffic, 'requests' | 'errors' | 'latencyBoundsMs' | 'latencyCounts'>

const nothing: TrafficCounts = { requests: 0, errors: 0, latencyBoundsMs: [], latencyCounts: [] }

/**
 * What a router counted for a revision between two looks. A counter that went back belongs to a router that has forgotten: then
 * everything it counts now is new.
 */
export function trafficDelta(before: TrafficCounts | undefined, after: TrafficCounts | undefined): TrafficCounts {
  if (!after) return nothing
  if (!before || !continues(before, after)) return countsOf(after)
  return {
    requests: after.requests - before.requests,
    errors: after.errors - before.errors,
    latencyBoundsMs: after.latencyBoundsMs,
    latencyCounts: after.latencyCounts.map((count, index) => count - (before.latencyCounts[index] ?? 0)),
  }
}

function continues(before: TrafficCounts, after: TrafficCounts): boolean {
  return (
    after.requests >= before.requests &&
    after.errors >= before.errors &&
    after.latencyBoundsMs.length === before.latencyBoundsMs.length &&
    after.latencyBoundsMs.every((bound, index) => bound === before.latencyBoundsMs[index]) &&
    after.latencyCounts.every((count, index) => count >= (before.latencyCounts[index] ?? 0))
  )
}

function countsOf({ requests, errors, latencyBoundsMs, latencyCounts }: TrafficCounts): TrafficCounts {
  return { requests, errors, latencyBoundsMs, latencyCounts }
}

/**
 * The latency in milliseconds that `share` of the requests were not above, read from the histogram as if requests were spread evenly in
 * each bucket. Undefined without requests; infinite when it is above the last bound.
 */
export function percentileMs({ latencyBoundsMs, latencyCounts }: TrafficCounts, share: number): number | undefined {
  const total = latencyCounts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const wanted = share * total
  let below = 0
  for (const [index, count] of latencyCounts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const upper = latencyBoundsMs[index]
      if (upper === undefined) return Number.POSITIVE_INFINITY
      const lower = latencyBoundsMs[index - 1] ?? 0
      return lower + ((upper - lower) * (wanted - below)) / count
    }
    below += count
  }
  return Number.POSITIVE_INFINITY
}
