/** Rows of the first batch, and of any. */
const rows = { first: 25, least: 10, most: 1_000 } as const
/** How long a batch may hold the database, milliseconds: others wait that long for their turn. */
export const longestBatchMs = 50

/** What sizes batches by. */
export interface BatchPace {
  /** Milliseconds since some moment. */
  readonly now: () => number
  /** Between two batches, where others have their turn. Throws to end it. */
  readonly breathe: () => Promise<void>
}

/**
 * Acts in batches until one says that nothing is left, each as large as the last ones say it may be to take no longer than
 * {@link longestBatchMs}: a batch that took longer is followed by one of half its size, a quick one by one of twice it.
 */
export async function inBatches(
  { now, breathe }: BatchPace,
  act: (limit: number) => Promise<'more' | 'done'>,
): Promise<void> {
  for (let limit: number = rows.first; ; await breathe()) {
    const began = now()
    if ((await act(limit)) === 'done') return
    const tookMs = now() - began
    if (tookMs > longestBatchMs) limit = Math.max(rows.least, Math.floor(limit / 2))
    else if (tookMs < longestBatchMs / 4) limit = Math.min(rows.most, limit * 2)
  }
}
