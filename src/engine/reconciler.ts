import { after } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { EngineParts } from './context.ts'
import { Waiters } from './waiters.ts'

/** How often those that are awake are looked at, milliseconds. */
const lookMs = 1000
/** How many keepers may be awake without anything to do; each of them is looked at every time. */
export const awakeAtMost = 250
/** How many of the others are looked at each time, in turn: something may have happened of which nobody told. */
const sweptAtOnce = 100
/** How many looks are under way at once, those that hang aside. */
const abreast = 8
/** How long a look is waited for before the next instance is looked at, milliseconds: one whose platform hangs holds no other up. */
const leaveMs = 100

/** What a reconciler asks of the one it works for. */
export interface ReconcilerOwner {
  /** Looks at an instance, and claims it when table and world differ. */
  readonly look: (instanceId: string) => Promise<void>
  /** Those that are awake and that nobody owns. */
  readonly restless: () => Iterable<string>
  /** These are all the instances there are. */
  readonly living: (instanceIds: readonly string[]) => void
}

/**
 * Says which instance is looked at when: at once where something stirred, every second those that are awake, and all in turn. A control
 * plane that has just come looks at all as fast as it can: the machine may have been rebooted.
 */
export class Reconciler {
  readonly #parts: EngineParts
  readonly #owner: ReconcilerOwner
  readonly #waiters = new Waiters()
  readonly #looking = new Set<string>()
  readonly #lookAgain = new Set<string>()
  /** Where something changed; and where something may have. The latter may be all there are, and wait for the former. */
  readonly #stirred = new Set<string>()
  readonly #doubted = new Set<string>()
  #sweep: string[] = []
  #rounds = 0

  constructor(parts: EngineParts, owner: ReconcilerOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  /** Something of an instance changed: it is the next to be looked at. */
  stir(instanceId: string): void {
    this.#doubted.delete(instanceId)
    this.#stirred.add(instanceId)
    this.#waiters.wake()
  }

  /** Something of an instance may have changed: it is looked at after those of which that is known. */
  doubt(instanceId: string): void {
    if (this.#stirred.has(instanceId)) return
    this.#doubted.add(instanceId)
    this.#waiters.wake()
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#heed(signal), this.#patrol(signal), this.#keepAsking(signal)])
  }

  /** Looks where something stirred, as soon as it did: who is next is asked for each look anew. */
  async #heed(signal: AbortSignal): Promise<void> {
    const underWay = new Set<Promise<void>>()
    while (!signal.aborted) {
      if (underWay.size >= abreast) {
        await Promise.race(underWay)
        continue
      }
      const mark = this.#waiters.mark()
      const id = this.#nextStirred()
      if (id === undefined) {
        await this.#waiters.since(mark, lookMs, this.#parts.clock, signal)
        continue
      }
      const look = this.#waitFor(this.#look(id, signal), signal).finally(() => underWay.delete(look))
      underWay.add(look)
    }
  }

  #nextStirred(): string | undefined {
    for (const waiting of [this.#stirred, this.#doubted]) {
      for (const id of waiting) {
        waiting.delete(id)
        return id
      }
    }
    return undefined
  }

  async #patrol(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    while (!signal.aborted) {
      try {
        const restless = [...this.#owner.restless()].slice(0, awakeAtMost)
        const known = new Set(restless)
        const swept = (await this.#nextSwept()).filter(id => !known.has(id))
        await this.#lookAt([...restless, ...swept], signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ error: messageOf(error) }, 'the instances could not be looked at')
      }
      await clock.sleep(lookMs, signal).catch((error: unknown) => void error) // because the loop sees its signal
    }
  }

  /** Asks the router how it is, so that one that has to be started for that is. Nobody waits for it: what died is looked for whatever it answers. */
  async #keepAsking(signal: AbortSignal): Promise<void> {
    const { router, clock, log } = this.#parts
    while (!signal.aborted) {
      try {
        await router.check(signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ error: messageOf(error) }, 'the router could not be asked how it is')
      }
      await clock.sleep(lookMs, signal).catch((error: unknown) => void error) // because the loop sees its signal
    }
  }

  /** Those whose turn it is; all of them in the first round. */
  async #nextSwept(): Promise<string[]> {
    if (this.#sweep.length === 0) {
      this.#sweep = await this.#parts.store.work.living()
      this.#owner.living(this.#sweep)
      this.#rounds++
    }
    return this.#sweep.splice(0, this.#rounds === 1 ? this.#sweep.length : sweptAtOnce)
  }

  async #lookAt(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const left = ids.values()
    const walk = async (): Promise<void> => {
      for (const id of left) {
        if (signal.aborted) return
        await this.#waitFor(this.#look(id, signal), signal)
      }
    }
    await Promise.all(Array.from({ length: Math.min(abreast, ids.length) }, walk))
  }

  async #waitFor(look: Promise<void>, signal: AbortSignal): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = after(this.#parts.clock, leaveMs, resolve)
    const leave = (): void => resolve()
    signal.addEventListener('abort', leave, { once: true })
    await Promise.race([look, late])
    signal.removeEventListener('abort', leave)
    cancel()
  }

  /** Looks at an instance, once at a time; what stirs meanwhile is looked at after it. */
  async #look(id: string, signal: AbortSignal): Promise<void> {
    if (this.#looking.has(id)) {
      this.#lookAgain.add(id)
      return
    }
    this.#looking.add(id)
    try {
      do {
        this.#lookAgain.delete(id)
        await this.#owner.look(id)
      } while (this.#lookAgain.has(id) && !signal.aborted)
    } catch (error) {
      const { log, mask, clock } = this.#parts
      if (signal.aborted) return
      log.warn({ instance: id, error: mask(id, messageOf(error)) }, 'an instance could not be looked at')
      // What stirred there is told once; with a sweep alone it would be seen minutes later.
      after(clock, lookMs, () => this.doubt(id))
    } finally {
      this.#looking.delete(id)
      this.#lookAgain.delete(id)
    }
  }
}
