import { after, type Clock } from '../clock.ts'

/** Lets loops wait for "something changed" without missing a change that came between their look and their wait. */
export class Waiters {
  #count = 0
  readonly #resolvers = new Set<() => void>()

  /** Something changed. */
  wake(): void {
    this.#count += 1
    for (const resolve of this.#resolvers) resolve()
    this.#resolvers.clear()
  }

  /** Take before looking. */
  mark(): number {
    return this.#count
  }

  /** Resolves when something changed since `mark`, after `ms`, or when aborted (it does not reject: the caller looks at its signal). */
  async since(mark: number, ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
    if (this.#count !== mark || signal?.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#resolvers.add(wake)
    signal?.addEventListener('abort', wake, { once: true })
    const cancel = after(clock, ms, wake)
    await promise
    cancel()
    signal?.removeEventListener('abort', wake)
    this.#resolvers.delete(wake)
  }

  async next(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
    await this.since(this.mark(), ms, clock, signal)
  }
}
