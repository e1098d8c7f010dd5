import type { RevisionTraffic } from '../router.ts'

/** Upper bounds of the latency buckets, ms. */
export const latencyBoundsMs: readonly number[] = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000,
  60_000,
]

/** What is counted for one revision of a service. */
export class TrafficCount {
  requests = 0
  errors = 0
  active = 0
  activeWebSockets = 0
  lastRoutedAt = 0
  readonly latencyCounts: number[] = Array.from({ length: latencyBoundsMs.length + 1 }, () => 0)

  /** An answer began `ms` after its request arrived. (To its head, so that streams and slow readers do not look like a slow replica.) */
  answered(status: number, ms: number): void {
    this.requests++
    if (status >= 500) this.errors++
    let bucket = 0
    while (bucket < latencyBoundsMs.length && ms > (latencyBoundsMs[bucket] as number)) bucket++
    this.latencyCounts[bucket] = (this.latencyCounts[bucket] as number) + 1
  }

  /** No answer came. It has no latency: a refused connection is fast, and would flatter the revision. */
  failed(): void {
    this.requests++
    this.errors++
  }

  /** An answer counted as good broke off. */
  broke(): void {
    this.errors++
  }
}

/** The count as the port shows it. */
export function trafficOf(service: string, revision: string, count: TrafficCount): RevisionTraffic {
  return {
    service,
    revision,
    requests: count.requests,
    errors: count.errors,
    latencyBoundsMs,
    latencyCounts: [...count.latencyCounts],
    active: count.active,
    activeWebSockets: count.activeWebSockets,
    ...(count.lastRoutedAt > 0 ? { lastRoutedAt: count.lastRoutedAt } : {}),
  }
}

/** Adds what several processes counted for the same instance, revision by revision. */
export function addTraffic(...lists: readonly (readonly RevisionTraffic[])[]): RevisionTraffic[] {
  const sums = new Map<string, RevisionTraffic>()
  for (const one of lists.flat()) {
    const key = `${one.service} ${one.revision}`
    const sum = sums.get(key)
    sums.set(key, sum ? added(sum, one) : one)
  }
  return [...sums.values()]
}

function added(a: RevisionTraffic, b: RevisionTraffic): RevisionTraffic {
  const lastRoutedAt = Math.max(a.lastRoutedAt ?? 0, b.lastRoutedAt ?? 0)
  return {
    ...a,
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    latencyCounts: a.latencyCounts.map((count, bucket) => count + (b.latencyCounts[bucket] ?? 0)),
    active: a.active + b.active,
    activeWebSockets: a.activeWebSockets + b.activeWebSockets,
    ...(lastRoutedAt > 0 ? { lastRoutedAt } : {}),
  }
}
