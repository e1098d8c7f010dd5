import { after, type Clock } from './clock.ts'
import { SlipwayError } from './errors.ts'

/** What `promise` comes to, unless the signal is aborted first: then its reason is thrown, whether or not the promise heeds it. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason)
    if (signal.aborted) aborted()
    signal.addEventListener('abort', aborted, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}

/** The longest that a look at a platform or a router may take, milliseconds: one that hangs is one that does not answer. */
export const answerMs = 5000

/** How long something may take to answer, and who asks. */
export interface Patience {
  /** What is asked, at the beginning of a sentence: `The router`. */
  readonly who: string
  readonly ms: number
  readonly clock: Clock
  /** Ends the wait early. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What `ask` answers, if it does so in time. It is told by its signal when nobody waits any more, and left behind if it does not heed that.
 * Throws `unavailable` when the time is over, or the reason of `signal`.
 */
export async function inTime<T>(
  { who, ms, clock, signal }: Patience,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const over = new AbortController()
  const ended = Promise.withResolvers<never>()
  const end = (reason: unknown): void => {
    over.abort(reason)
    ended.reject(reason)
  }
  const leave = (): void => end(signal?.reason)
  // Not by AbortSignal.any, which leaves something with the signal for each time that something is asked.
  signal?.addEventListener('abort', leave, { once: true })
  const cancel = after(clock, ms, () =>
    end(new SlipwayError('unavailable', `${who} did not answer within ${Math.round(ms / 1000)} s.`)),
  )
  try {
    return await Promise.race([ask(over.signal), ended.promise])
  } finally {
    cancel()
    signal?.removeEventListener('abort', leave)
  }
}
