/** When a delivery that failed is tried again: after longer and longer waits, and for so long after the event. Milliseconds. */
export const retrySchedule = {
  firstMs: 5_000,
  factor: 3,
  longestMs: 12 * 3_600_000,
  /** A wait is that much shorter or longer by chance, so that those that failed together do not come back together. */
  jitter: 0.25,
  giveUpMs: 72 * 3_600_000,
} as const

/** A delivery whose attempt has failed. */
export interface Failed {
  /** How often it was tried, at least once. */
  readonly attemptCount: number
  /** When the delivery was made, ms since 1970. */
  readonly since: number
  readonly now: number
  /** The receiver asked not to be asked earlier than after so long. */
  readonly atLeastMs?: number
}

/**
 * When to try again, ms since 1970; undefined: give up. The last try is when the time is over, whatever the waits before it came to.
 * One that had to wait its turn until then has one try.
 *
 * @param random from 0 to 1
 */
export function nextTry({ attemptCount, since, now, atLeastMs = 0 }: Failed, random: number): number | undefined {
  const { firstMs, factor, longestMs, jitter, giveUpMs } = retrySchedule
  const end = since + giveUpMs
  if (now >= end) return undefined
  const waitMs = Math.min(longestMs, firstMs * factor ** (attemptCount - 1)) * (1 + jitter * (2 * random - 1))
  return Math.round(Math.min(end, now + Math.max(waitMs, Math.min(atLeastMs, longestMs))))
}

/** What `Retry-After` says, milliseconds from `now`: seconds, or a date. Undefined when it says nothing one understands. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}
