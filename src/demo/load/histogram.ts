/** Counts per bucket; `counts` has one more entry than `boundsMs`, for everything above the last bound. */
export interface Histogram {
  readonly boundsMs: readonly number[]
  readonly counts: number[]
}

/** Bounds that grow by a fifth: 0.1 ms to 12 s, each percentile known to within 20 %. */
const boundsMs: readonly number[] = Array.from({ length: 65 }, (_, i) => Number((0.1 * 1.2 ** i).toPrecision(3)))

export function emptyHistogram(): Histogram {
  return { boundsMs, counts: boundsMs.map(() => 0).concat(0) }
}

/** Counts one value. */
export function observe(histogram: Histogram, ms: number): void {
  const at = histogram.boundsMs.findIndex(bound => ms <= bound)
  const bucket = at < 0 ? histogram.boundsMs.length : at
  histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1
}

/** The upper bound of the bucket in which `share` (0 to 1) of the values lie; undefined without values, Infinity above the last bound. */
export function percentile(histogram: Histogram, share: number): number | undefined {
  const total = histogram.counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let seen = 0
  const bucket = histogram.counts.findIndex(count => (seen += count) >= share * total)
  return histogram.boundsMs[bucket] ?? Number.POSITIVE_INFINITY
}
