import { type Clock, systemClock } from '../../clock.ts'

/** An answer that took longer says too little about when the question was asked, milliseconds. */
const slowMs = 200

/** The time of a database, kept up by looking at it now and then. */
export interface DatabaseClock extends Clock {
  /** Looks again. */
  look(): Promise<void>
}

/**
 * The clock of the database, which all processes on it share: leases and heartbeats are judged by it. Between two looks it goes on with the
 * machine's monotonic clock, so a wall clock that is wrong, or jumps, changes nothing.
 */
export function databaseClock(ask: () => Promise<number>): DatabaseClock {
  let offset: number | undefined
  return {
    ...systemClock,
    now: () => Math.round(offset === undefined ? systemClock.now() : systemClock.monotonic() + offset),
    async look() {
      const began = systemClock.monotonic()
      const told = await ask()
      const ended = systemClock.monotonic()
      if (offset === undefined || ended - began <= slowMs) offset = told - (began + ended) / 2
    },
  }
}
