import { SlipwayApiError, SlipwayConnectionError } from './error.ts'

/** What a request may suffer. */
export interface Repeatable {
  /** Done twice it is as if done once: it only reads, or carries an Idempotency-Key. */
  readonly idempotent: boolean
}

/**
 * Whether the same request may be sent again after this: never when it may have been done and would be done twice, and never when it would
 * be refused again.
 */
export function mayRepeat(error: unknown, { idempotent }: Repeatable): boolean {
  if (error instanceof SlipwayConnectionError) return idempotent
  if (!(error instanceof SlipwayApiError)) return false
  // Whoever is refused for coming too often has changed nothing, whatever was asked.
  if (error.status === 429) return true
  if (!idempotent) return false
  return passing.has(error.status) || error.code === 'idempotency_in_flight'
}

/** The server, or what stands before it, says that this passes. */
const passing: ReadonlySet<number> = new Set([502, 503, 504])

/** Whether the request is being worked on: its answer will be had by asking again, so it is asked for as long as there is time. */
export function isInFlight(error: unknown): boolean {
  return error instanceof SlipwayApiError && error.code === 'idempotency_in_flight'
}
