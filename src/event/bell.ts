import { after, type Clock } from '../clock.ts'

/** Wakes readers: a hint that the log may have grown. */
export interface Bell {
  /** How often it rang; ask before looking, so that no ring is missed between the look and the wait. */
  readonly rung: number
  ring(): void
  /** Resolves when it rang since it had rung so often, after `ms`, or when the signal is aborted. */
  since(rung: number, ms: number, signal: AbortSignal): Promise<void>
}

/** A bell whose waits keep no process alive. */
export function bell(clock: Clock): Bell {
  const waiting = new Set<() => void>()
  let count = 0
  return {
    get rung() {
      return count
    },
    ring() {
      count++
      for (const wake of waiting) wake()
    },
    async since(rung, ms, signal) {
      if (rung !== count || signal.aborted) return
      const woken = Promise.withResolvers<void>()
      const wake = () => woken.resolve()
      const cancel = after(clock, ms, wake)
      waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
      try {
        await woken.promise
      } finally {
        cancel()
        waiting.delete(wake)
        signal.removeEventListener('abort', wake)
      }
    },
  }
}
