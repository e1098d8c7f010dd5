import type { Revision } from '../deploy/step.ts'
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

/** The sum of two counts of the same revision, of which the later says where the buckets are. */
export function addCounts(sum: TrafficCounts, more: TrafficCounts): TrafficCounts {
  if (more.latencyBoundsMs.length === 0) return sum
  return {
    requests: sum.requests + more.requests,
    errors: sum.errors + more.errors,
    latencyBoundsMs: more.latencyBoundsMs,
    latencyCounts: more.latencyCounts.map((count, index) => count + (sum.latencyCounts[index] ?? 0)),
  }
}

/**
 * What a router counts from the first look on, over its restarts. It has to look often: what is counted between a look and the router's end is
 * not seen, and counters that passed their old height between two looks would seem never to have gone back.
 */
export class Tally {
  readonly #last = new Map<string, TrafficCounts>()
  readonly #sums = new Map<string, TrafficCounts>()

  /** Takes what the router counts now. The first look only says where to begin; a revision that comes later begins at 0. */
  look(counted: readonly RevisionTraffic[]): void {
    const isFirst = !this.#begun
    this.#begun = true
    for (const traffic of counted) {
      const key = keyOf(traffic)
      const delta = isFirst ? nothing : trafficDelta(this.#last.get(key), traffic)
      this.#sums.set(key, addCounts(this.#sums.get(key) ?? nothing, delta))
      this.#last.set(key, traffic)
    }
  }

  /** What was counted since the first look. */
  of(service: string, revision: Revision): TrafficCounts {
    return this.#sums.get(keyOf({ service, revision })) ?? nothing
  }

  #begun = false
}

function keyOf({ service, revision }: Pick<RevisionTraffic, 'service' | 'revision'>): string {
  return `${service} ${revision}`
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
