import { SlipwayError } from '../../errors.ts'

/** `urgent` comes before all others; `patient` is never refused. */
export type Manner = 'urgent' | 'patient'

/** Hands one thing to one holder at a time, in the order in which it was asked for. */
export interface Mutex {
  /** Resolves when it is the caller's turn. Throws `overloaded` when too many are before it, `internal` when the holder never lets go. */
  acquire(manner?: Manner): Promise<void>
  release(): void
  /** How many wait. */
  readonly waiting: number
  readonly held: boolean
}

/** How long is waited, and how many may. */
export interface MutexLimits {
  /** How long a caller waits in a row that moves, milliseconds. After half of it newcomers are refused at once: they would wait as long. */
  readonly patienceMs: number
  /** How long a caller waits for one holder, milliseconds: whoever waits longer waits for themselves. */
  readonly deadlockMs: number
  /** How many may wait. */
  readonly mostWaiting: number
}

interface Waiter {
  readonly since: number
  /** How often the thing had changed hands when the wait began. */
  readonly turn: number
  readonly resume: () => void
  readonly refuse: (error: SlipwayError) => void
}

/** A {@link Mutex}. One timer for all that wait. */
export function mutex({ patienceMs, deadlockMs, mostWaiting }: MutexLimits): Mutex {
  const queue: Waiter[] = []
  const urgent: Waiter[] = []
  let held = false
  let turn = 0
  let timer: NodeJS.Timeout | undefined

  const isLate = (waiter: Waiter | undefined, ms: number): waiter is Waiter =>
    waiter !== undefined && performance.now() - waiter.since >= ms
  /** Refuses those that waited too long, the eldest first. */
  const look = (): void => {
    timer = undefined
    while (isLate(queue[0], patienceMs) && queue[0].turn !== turn) queue.shift()?.refuse(overloaded(patienceMs))
    for (const row of [queue, urgent]) {
      while (isLate(row[0], deadlockMs)) row.shift()?.refuse(waitedTooLong(deadlockMs))
    }
    watch()
  }
  const watch = (): void => {
    if (queue.length + urgent.length > 0) timer ??= setTimeout(look, Math.min(patienceMs, deadlockMs) / 4)
  }

  return {
    get waiting() {
      return queue.length + urgent.length
    },
    get held() {
      return held
    },
    async acquire(manner) {
      if (!held) {
        held = true
        return
      }
      const [eldest] = queue
      if (
        manner === undefined &&
        (queue.length >= mostWaiting || (isLate(eldest, patienceMs / 2) && eldest.turn !== turn))
      )
        throw overloaded(patienceMs / 2)
      await new Promise<void>((resume, refuse) => {
        const since = manner === 'patient' ? Number.POSITIVE_INFINITY : performance.now()
        const row = manner === 'urgent' ? urgent : queue
        row.push({ since, turn, resume, refuse })
        watch()
      })
    },
    release() {
      turn++
      const next = urgent.shift() ?? queue.shift()
      if (next) next.resume()
      else held = false
    },
  }
}

function overloaded(ms: number): SlipwayError {
  const why = `more is asked of the database than its disk takes: a call would wait longer than ${ms / 1000} s`
  return new SlipwayError('overloaded', `Slipway is overloaded: ${why}.`, {
    next: 'Try again in a few seconds; nothing was changed. If it stays so, look at the disk of the data folder.',
  })
}

function waitedTooLong(ms: number): SlipwayError {
  return new SlipwayError('internal', `A call waited ${ms / 1000} s for the database, which a transaction holds.`, {
    next: 'Inside transaction(work) use only the stores that work is given, and await nothing but them.',
  })
}
