import type { Loss } from '../../src/demo/load/stats.ts'

/** A death that requests may be lost by, and until when. Times are those of the wall clock. */
export interface Window {
  readonly victim: 'proxy' | 'replica'
  /** When it was killed. */
  readonly from: number
  /** Requests that were sent later have no excuse: nobody else was there until then, or, where somebody was, it had this in hand. */
  readonly sentBy: number
}

/**
 * The losses that no death explains. A proxy that is killed resets what it has in hand, and until it is back refuses what comes; of a
 * killed replica the proxy tells that it broke off, or could not be reached, or that there is none.
 */
export function unexplained(losses: readonly Loss[], windows: readonly Window[]): Loss[] {
  return losses.filter(loss => !windows.some(window => explains(window, loss)))
}

function explains({ victim, from, sentBy }: Window, { cause, text, sentAt, lostAt }: Loss): boolean {
  if (lostAt < from || sentAt > sentBy) return false
  switch (victim) {
    case 'proxy':
      return cause === 'refused' || cause === 'reset' || cause === 'truncated'
    case 'replica':
      return (
        cause === 'truncated' || (cause === 'proxy' && /by the proxy: (?:broken|unreachable|no_replica)$/.test(text))
      )
  }
}

/** A loss as a line, its times relative to `from`. */
export function toldLoss({ what, cause, text, sentAt, lostAt }: Loss, from: number): string {
  return `a ${what} was lost, sent at ${sentAt - from} ms, lost at ${lostAt - from} ms: ${cause}: ${text}`
}
