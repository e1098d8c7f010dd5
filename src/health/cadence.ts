import { checkDefaults, type Health, type HealthCheck } from './check.ts'

/** From the first probe to the second. */
const firstMs = 5
const growth = 1.25
/** The slowest that a replica is asked which may become ready at any moment. */
const startingMs = 50
/** A command is a process each time. */
const startingCommandMs = 200
/** One that is not ready after this is asked in its own interval, at least every second: thousands of stuck ones must not cost much. */
const startingForMs = 30_000
const stuckMs = 1000
/** A ready one that failed is asked again soon, whatever its interval. */
const doubtMs = 200

/** How long to wait until the next probe, milliseconds: quick while readiness is awaited or in doubt, then as the check says. */
export function nextGapMs(now: {
  /** After the last answer was taken. */
  readonly health: Health
  /** What that answer said. */
  readonly answered: Health
  /** The gap before it, 0 before the first. */
  readonly gapMs: number
  readonly check: HealthCheck
  /** Since watching began. */
  readonly sinceMs: number
}): number {
  const intervalMs = now.check.intervalMs ?? checkDefaults.intervalMs
  if (now.health === 'ready') return now.answered === 'ready' ? intervalMs : Math.min(intervalMs, doubtMs)
  if (now.health === 'unknown' || now.sinceMs > startingForMs) return Math.min(intervalMs, stuckMs)
  const slowest = now.check.type === 'command' ? startingCommandMs : startingMs
  return Math.min(Math.max(firstMs, now.gapMs * growth), slowest)
}
