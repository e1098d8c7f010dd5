import { messageOf } from '../errors.ts'
import { newId } from '../id.ts'
import type { EngineParts } from './context.ts'
import { beatMs, leaseTtlMs } from './lease.ts'

type HeartParts = Pick<EngineParts, 'clock' | 'store' | 'log'>

/** What a heart tells the worker that it beats for. */
export interface HeartOwner {
  /** It beat too late, and every lease is lost: all work ends, for others may own the instances by now. */
  readonly onLate: () => Promise<void>
  /** It beats under another id. */
  readonly onAnew: () => void
}

/** The heart of a worker: under which id it owns instances, and until when, unless it beats again. */
export class Heart {
  readonly #parts: HeartParts
  readonly #owner: HeartOwner
  #id = newId('wrk')
  #identity = new AbortController()
  #validUntil = 0
  #beatAt = 0

  constructor(parts: HeartParts, owner: HeartOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  get id(): string {
    return this.#id
  }

  /** Aborted when the worker begins again under another id, which frees what this one had. */
  get identity(): AbortSignal {
    return this.#identity.signal
  }

  /** Until when the last beat holds, on the monotonic clock. */
  get validUntil(): number {
    return this.#validUntil
  }

  /** The first beat under an id. */
  async begin(): Promise<void> {
    const { clock, store } = this.#parts
    const [began, at] = [clock.monotonic(), clock.now()]
    await store.work.registerWorker(this.#id)
    this.#validUntil = began + leaseTtlMs
    this.#beatAt = at
  }

  /** Beats until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, store, log } = this.#parts
    while (!signal.aborted) {
      await this.#rest(signal)
      if (signal.aborted) return
      const [began, at] = [clock.monotonic(), clock.now()]
      // The monotonic clock stands still while a machine sleeps, and the store counts in wall time.
      const late = began >= this.#validUntil || at - this.#beatAt >= leaseTtlMs
      try {
        // A heart that stopped for too long does not go on under the old leases: others may own them by now.
        if (!late && (await store.work.beat(this.#id))) {
          this.#validUntil = began + leaseTtlMs
          this.#beatAt = at
        } else await this.#startOver()
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the heartbeat could not be written')
      }
    }
  }

  /** Every lease is lost: drop all work, and begin again as a new worker. */
  async #startOver(): Promise<void> {
    this.#parts.log.warn({ worker: this.#id }, 'the heartbeat came too late; all leases are given up and claimed anew')
    this.#identity.abort()
    await this.#owner.onLate()
    this.#id = newId('wrk')
    this.#identity = new AbortController()
    await this.begin()
    this.#owner.onAnew()
  }

  async #rest(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.clock.sleep(beatMs, signal)
    } catch (error) {
      void error // stopped: the loop sees its signal
    }
  }

  /** Signs off: what this worker had is free. */
  async stop(): Promise<void> {
    try {
      await this.#parts.store.work.removeWorker(this.#id)
    } catch (error) {
      // Whoever opens the store next takes what this worker had.
      this.#parts.log.warn({ worker: this.#id, error: messageOf(error) }, 'the worker could not sign off')
    }
  }
}
