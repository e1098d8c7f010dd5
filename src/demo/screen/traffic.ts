import { percentile } from '../load/histogram.ts'
import type { LoadStats } from '../load/stats.ts'
import type { TrafficView } from './state.ts'

/** Totals as of `now`, with rate and latency over the time since `before`. */
export function trafficBetween(before: LoadStats, now: LoadStats): TrafficView {
  const seconds = (now.sendingMs - before.sendingMs) / 1000
  const latency = {
    boundsMs: now.latency.boundsMs,
    counts: now.latency.counts.map((count, bucket) => count - (before.latency.counts[bucket] ?? 0)),
  }
  const p50Ms = percentile(latency, 0.5)
  const p95Ms = percentile(latency, 0.95)
  return {
    sent: now.sent,
    lost: now.lost,
    appErrors: now.appErrors,
    perSecond: seconds > 0 ? (now.sent - before.sent) / seconds : 0,
    ...(p50Ms === undefined ? {} : { p50Ms }),
    ...(p95Ms === undefined ? {} : { p95Ms }),
    webSockets: now.webSockets.open,
  }
}

/** Version → share (0 to 1) of the service's answers since `before`. Empty when there were none. */
export function sharesBetween(before: LoadStats, now: LoadStats, service: string): Record<string, number> {
  const counts = Object.entries(now.versions[service] ?? {}).map(
    ([version, count]) => [version, count - (before.versions[service]?.[version] ?? 0)] as const,
  )
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  return total === 0 ? {} : Object.fromEntries(counts.map(([version, count]) => [version, count / total]))
}
