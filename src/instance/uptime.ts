import type { Timestamp } from '../clock.ts'
import { timestamp } from '../clock.ts'
import type { HealthSpan, SpanHealth, WatchSpan } from '../deploy/history.ts'

/** How many buckets a window has: 15 minutes each for 24 hours. */
export const bucketsPerWindow = 96
/** The longest window, milliseconds. Spans are kept an hour longer. */
export const longestWindowMs = 24 * 3_600_000
export const keepHealthMs = longestWindowMs + 3_600_000

/** Shares of a stretch of time, 0 to 1, that add up to 1. What it was for no part of the time is left out. */
export type HealthShares = Readonly<Partial<Record<SpanHealth, number>>>

export interface HealthBucket {
  readonly from: Timestamp
  readonly shares: HealthShares
}

/** Buckets and the whole window, of the instance or of one service. */
export interface HealthSeries {
  readonly shares: HealthShares
  readonly buckets: readonly HealthBucket[]
}

/** How an instance was over time. */
export interface HealthHistory extends HealthSeries {
  readonly instanceId: string
  readonly from: Timestamp
  readonly to: Timestamp
  readonly bucketMs: number
  readonly services: readonly (HealthSeries & { readonly service: string })[]
}

/** Cuts a window into buckets that end now. Time in which no control plane watched is `unknown`, and so is what was before the instance. */
export function healthHistory(
  instanceId: string,
  spans: readonly HealthSpan[],
  watches: readonly WatchSpan[],
  windowMs: number,
  now: number,
): HealthHistory {
  const bucketMs = windowMs / bucketsPerWindow
  const from = now - windowMs
  const watched = merged(watches.map(({ from, until }): Stretch => [Date.parse(from), Date.parse(until)]))
  const series = (service: string | undefined): HealthSeries => {
    const own = spans.filter(span => span.service === service)
    const shares = (a: number, b: number): HealthShares => sharesOf(own, watched, a, b, now)
    return {
      shares: shares(from, now),
      buckets: Array.from({ length: bucketsPerWindow }, (_, index) => ({
        from: timestamp(from + index * bucketMs),
        shares: shares(from + index * bucketMs, from + (index + 1) * bucketMs),
      })),
    }
  }
  const services = new Set(spans.flatMap(({ service }) => (service === undefined ? [] : [service])))
  return {
    instanceId,
    from: timestamp(from),
    to: timestamp(now),
    bucketMs,
    ...series(undefined),
    services: [...services].map(service => ({ service, ...series(service) })),
  }
}

type Stretch = readonly [from: number, until: number]

/** Stretches without overlaps, in the order of time. */
function merged(stretches: readonly Stretch[]): Stretch[] {
  const whole: [number, number][] = []
  for (const [from, until] of stretches.toSorted((a, b) => a[0] - b[0])) {
    const last = whole.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], until)
    else whole.push([from, until])
  }
  return whole
}

function sharesOf(
  spans: readonly HealthSpan[],
  watched: readonly Stretch[],
  a: number,
  b: number,
  now: number,
): HealthShares {
  const ms: Partial<Record<SpanHealth, number>> = {}
  let known = 0
  for (const span of spans) {
    const from = Math.max(a, Date.parse(span.from))
    const until = Math.min(b, span.until === undefined ? now : Date.parse(span.until))
    if (until <= from || span.health === 'unknown') continue
    const seen = watched.reduce(
      (sum, [begin, end]) => sum + Math.max(0, Math.min(until, end) - Math.max(from, begin)),
      0,
    )
    known += seen
    ms[span.health] = (ms[span.health] ?? 0) + seen
  }
  const unknown = b - a - known
  if (unknown > 0.5) ms.unknown = unknown
  return Object.fromEntries(
    Object.entries(ms)
      .filter(([, part]) => part > 0)
      .map(([health, part]) => [health, Math.round((10_000 * part) / (b - a)) / 10_000]),
  )
}
