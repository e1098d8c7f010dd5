import { setTimeout as delay } from 'node:timers/promises'

/** A moment, RFC 3339 in UTC with milliseconds: `2026-11-23T12:00:00.000Z`. */
export type Timestamp = string

/** Where time comes from. Everything that waits or stamps takes one, so tests can drive it. */
export interface Clock {
  /** Wall time, milliseconds since 1970. Comes from the outside: it can jump. */
  now(): number
  /** Milliseconds since some start; never goes back, and is what durations are measured with. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when that is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` once after `ms` unless cancelled by the function it returns; never keeps the process alive. See {@link after}. */
  after?(ms: number, run: () => void): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {})
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    }
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref()
    return () => clearTimeout(timer)
  },
}

/** Calls `run` once after `ms` on this clock; the function it returns cancels that. One timer and no promise where the clock can. */
export function after(clock: Clock, ms: number, run: () => void): () => void {
  if (clock.after) return clock.after(ms, run)
  const cancelled = new AbortController()
  clock.sleep(ms, cancelled.signal).then(
    () => {
      if (!cancelled.signal.aborted) run()
    },
    (error: unknown) => void error, // because the only rejection is our own cancelling
  )
  return () => cancelled.abort()
}

/** `ms` since 1970 as a {@link Timestamp}. */
export function timestamp(ms: number): Timestamp {
  return new Date(ms).toISOString()
}
