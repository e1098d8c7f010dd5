/** One line of the benchmark: what was measured, what it should reach, and the numbers it was made from. */
export interface Figure {
  readonly figure: string
  readonly value: number
  /** What it should reach; absent for a figure that is only told. */
  readonly reach?: string
  /** Whether it does. */
  readonly ok?: boolean
  readonly [detail: string]: unknown
}

/** The value below which half of the values lie; of two in the middle their mean. */
export function median(values: readonly number[]): number {
  return (percentile(values, 0.5) + percentile(values.toReversed(), 0.5, 'above')) / 2
}

/** The nearest-rank percentile: `share` (0 to 1) of the values are at most this. */
export function percentile(values: readonly number[], share: number, side: 'below' | 'above' = 'below'): number {
  const sorted = values.toSorted((a, b) => (side === 'below' ? a - b : b - a))
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new Error('There is nothing to take a percentile of.')
  return value
}

/** With so many decimals, as a number. */
export function rounded(value: number, decimals = 2): number {
  return Number(value.toFixed(decimals))
}
