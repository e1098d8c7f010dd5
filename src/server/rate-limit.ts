import type { Clock } from '../clock.ts'

/** How many requests of a kind a token has per minute. */
export interface RateLimits {
  readonly read: number
  readonly write: number
}

export const rateDefaults: RateLimits = { read: 600, write: 60 }

const windowMs = 60_000

/** Where a token stands in its window. */
export interface Allowance {
  readonly allowed: boolean
  readonly quota: number
  readonly remaining: number
  /** Until the window begins anew. */
  readonly resetSeconds: number
}

/** Counts requests per token and kind. */
export interface RateLimiter {
  take(who: string, kind: keyof RateLimits): Allowance
}

/** A limiter in this process, by windows of a minute that begin with the first request. */
export function rateLimiter(limits: RateLimits, clock: Pick<Clock, 'monotonic'>): RateLimiter {
  const windows = new Map<string, { begun: number; taken: number }>()
  let swept = clock.monotonic()
  return {
    take(who, kind) {
      const now = clock.monotonic()
      if (now - swept >= windowMs) {
        swept = now
        for (const [key, { begun }] of windows) if (now - begun >= windowMs) windows.delete(key)
      }
      const key = `${kind} ${who}`
      const known = windows.get(key)
      const current = known && now - known.begun < windowMs ? known : { begun: now, taken: 0 }
      windows.set(key, current)
      const allowed = current.taken < limits[kind]
      if (allowed) current.taken++
      return {
        allowed,
        quota: limits[kind],
        remaining: limits[kind] - current.taken,
        resetSeconds: Math.ceil((windowMs - (now - current.begun)) / 1000),
      }
    },
  }
}
