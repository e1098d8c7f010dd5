import type { Clock } from '../clock.ts'

/** How many requests of a kind a token has per minute, and how many of an address may fail. */
export interface RateLimits {
  readonly read: number
  readonly write: number
  /** Of one address that were not authenticated. */
  readonly failure: number
}

export const rateDefaults: RateLimits = { read: 600, write: 60, failure: 60 }

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
  /** Where it stands, without counting anything. */
  look(who: string, kind: keyof RateLimits): Allowance
}

/** A limiter in this process, by windows of a minute that begin with the first request. */
export function rateLimiter(limits: RateLimits, clock: Pick<Clock, 'monotonic'>): RateLimiter {
  const windows = new Map<string, { begun: number; taken: number }>()
  let swept = clock.monotonic()
  /** The window that a request would count in. */
  const windowOf = (who: string, kind: keyof RateLimits) => {
    const now = clock.monotonic()
    const known = windows.get(`${kind} ${who}`)
    return known && now - known.begun < windowMs ? known : { begun: now, taken: 0 }
  }
  const allowance = (kind: keyof RateLimits, { begun, taken }: { begun: number; taken: number }) => ({
    quota: limits[kind],
    remaining: limits[kind] - taken,
    resetSeconds: Math.ceil((windowMs - (clock.monotonic() - begun)) / 1000),
  })
  return {
    take(who, kind) {
      const now = clock.monotonic()
      if (now - swept >= windowMs) {
        swept = now
        for (const [key, { begun }] of windows) if (now - begun >= windowMs) windows.delete(key)
      }
      const current = windowOf(who, kind)
      windows.set(`${kind} ${who}`, current)
      const allowed = current.taken < limits[kind]
      if (allowed) current.taken++
      return { allowed, ...allowance(kind, current) }
    },
    look(who, kind) {
      const current = windowOf(who, kind)
      return { allowed: current.taken < limits[kind], ...allowance(kind, current) }
    },
  }
}
