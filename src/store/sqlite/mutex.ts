import { SlipwayError } from '../../errors.ts'

/** Hands one thing to one holder at a time, in the order in which it was asked for. */
export interface Mutex {
  /** Resolves when it is the caller's turn. Throws `internal` after `waitMs`. */
  acquire(): Promise<void>
  release(): void
}

interface Waiter {
  readonly resume: () => void
  gaveUp: boolean
}

/** A {@link Mutex} whose waiters give up after `waitMs` milliseconds: whoever waits longer waits for themselves. */
export function mutex(waitMs: number): Mutex {
  const queue: Waiter[] = []
  let held = false
  return {
    async acquire() {
      if (!held) {
        held = true
        return
      }
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiter.gaveUp = true
          reject(waitedTooLong(waitMs))
        }, waitMs)
        const waiter: Waiter = {
          resume: () => {
            clearTimeout(timer)
            resolve()
          },
          gaveUp: false,
        }
        queue.push(waiter)
      })
    },
    release() {
      let next = queue.shift()
      while (next?.gaveUp) next = queue.shift()
      if (next) next.resume()
      else held = false
    },
  }
}

function waitedTooLong(waitMs: number): SlipwayError {
  return new SlipwayError('internal', `A call waited ${waitMs / 1000} s for the database, which a transaction holds.`, {
    next: 'Inside transaction(work) use only the stores that work is given, and await nothing but them.',
  })
}
