import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  after(ms: number, run: () => void): () => void
  /** Moves both clocks on by `ms`, waking what is due in its order and letting what was woken work before the next is. */
  advance(ms: number): Promise<void>
  /** Moves on from one due timer to the next until `promise` settles; throws when that takes more than `limitMs` (default one day). */
  until<T>(promise: Promise<T>, limitMs?: number): Promise<T>
  /** Moves the wall clock only, as a time server or an operator does; may go back. */
  jump(ms: number): void
  /** How many timers wait. */
  readonly waiting: number
}

interface Timer {
  readonly due: number
  readonly run: () => void
}

/** How long, in real milliseconds, `until` waits for real work (a file, a process) once no timer waits. */
const realPatienceMs = 10_000

/**
 * A controllable clock; `startsAt` is its wall time in milliseconds since 1970 (default the start of 2026).
 *
 * @example
 * const clock = fakeClock()
 * const rested = clock.sleep(60_000)
 * await clock.advance(60_000)
 * await rested
 */
export function fakeClock({ startsAt = Date.UTC(2026, 0, 1) }: { startsAt?: number } = {}): FakeClock {
  let elapsed = 0
  let wall = startsAt
  const timers = new Set<Timer>()

  const nextDue = () => [...timers].reduce((least, timer) => Math.min(least, timer.due), Number.POSITIVE_INFINITY)
  const fire = async (due: number) => {
    wall += Math.max(0, due - elapsed)
    elapsed = Math.max(elapsed, due)
    for (const timer of [...timers].filter(timer => timer.due <= elapsed).sort((a, b) => a.due - b.due)) {
      // One that ran before it may have cancelled it.
      if (timers.delete(timer)) timer.run()
    }
    await settle()
  }

  const clock: FakeClock = {
    now: () => wall,
    monotonic: () => elapsed,
    after(ms, run) {
      const timer = { due: elapsed + Math.max(0, ms), run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = clock.after(ms, () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        })
        const aborted = () => {
          cancel()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', aborted, { once: true })
      })
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      while (nextDue() <= end) await fire(nextDue())
      wall += end - elapsed
      elapsed = end
    },
    async until(promise, limitMs = 24 * 3_600_000) {
      const progress = { settled: false }
      const done = promise.then(
        () => void (progress.settled = true),
        () => void (progress.settled = true),
      )
      const end = elapsed + limitMs
      let idleSince = performance.now()
      await settle()
      while (!progress.settled) {
        const due = nextDue()
        if (due !== Number.POSITIVE_INFINITY) {
          if (due > end) throw new Error(`It took more than ${limitMs} ms of the fake clock.`)
          await fire(due)
          idleSince = performance.now()
        } else if (performance.now() - idleSince > realPatienceMs) {
          throw new Error('No timer of the fake clock waits any more, and what was awaited did not come.')
        } else {
          await Promise.race([done, delay(1)])
        }
      }
      return promise
    },
    jump(ms) {
      wall += ms
    },
    get waiting() {
      return timers.size
    },
  }
  return clock
}

/** Lets everything that can go on without time passing go on. */
async function settle(): Promise<void> {
  for (let round = 0; round < 6; round++) await immediate()
}
