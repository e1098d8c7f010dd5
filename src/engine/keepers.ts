import { ProbePace } from '../health/pace.ts'
import { type EngineParts, specsOf } from './context.ts'
import type { Happening } from './healing.ts'
import { Keeper, type Memory } from './keeper.ts'
import type { MakeWay } from './routing.ts'

/** What keepers ask of the one they work for. */
export interface KeepersOwner {
  /** What became of replicas that died, for the event log. */
  readonly onHappening: (instanceId: string, what: Happening) => void
  /** Clears away routes of nobody that are in the way of these. */
  readonly makeWay: MakeWay
  /** Something of an instance may have changed: somebody should look. */
  readonly onStir: (instanceId: string) => void
}

/**
 * The keepers of this process. One of an instance where all is well may be put to sleep: then only its probes go on, and what was wanted,
 * specs and routes are read again when something stirs. Ten thousand of those fit where hundreds that are awake would.
 */
export class Keepers {
  readonly #parts: EngineParts
  readonly #owner: KeepersOwner
  readonly #awake = new Map<string, Keeper>()
  readonly #asleep = new Map<string, Memory>()
  readonly #pace = new ProbePace()
  #disposed = false

  constructor(parts: EngineParts, owner: KeepersOwner) {
    this.#parts = parts
    this.#owner = owner
  }

  /** Those that are awake. */
  get awake(): ReadonlyMap<string, Keeper> {
    return this.#awake
  }

  /** Ids of all instances that are kept, awake or not. */
  *ids(): Generator<string> {
    yield* this.#awake.keys()
    yield* this.#asleep.keys()
  }

  /** The keeper of an instance, awake; undefined when there is no such instance any more, or nobody is to wake. */
  async wake(instanceId: string): Promise<Keeper | undefined> {
    const known = this.#awake.get(instanceId)
    if (known) return known
    const { store } = this.#parts
    const record = await store.work.load(instanceId)
    if (!record || record.instance.state === 'deleted') return undefined
    const runs = await store.work.queue(instanceId)
    const specs = await specsOf(store, record, runs)
    const raced = this.#awake.get(instanceId)
    if (raced || this.#disposed) return raced
    const { providers, router, clock, domain, revisions, mask, log, observer } = this.#parts
    const parts = {
      provider: providers.get(record.instance.provider),
      router,
      clock,
      domain,
      revisions,
      pace: this.#pace,
      ...(observer ? { observer } : {}),
      onTrouble: (instance: string, message: string) =>
        log.warn({ instance, message: mask(instance, message) }, 'could not be done; it will be tried again'),
      ...this.#owner,
    }
    const made = new Keeper(record, specs, parts, this.#asleep.get(instanceId))
    this.#asleep.delete(instanceId)
    this.#awake.set(instanceId, made)
    return made
  }

  /** It was looked at: the others come first now. */
  putLast(instanceId: string): void {
    const keeper = this.#awake.get(instanceId)
    if (!keeper) return
    this.#awake.delete(instanceId)
    this.#awake.set(instanceId, keeper)
  }

  /** Lets a keeper that nobody needs sleep. */
  sleep(instanceId: string): void {
    const keeper = this.#awake.get(instanceId)
    if (!keeper) return
    this.#awake.delete(instanceId)
    this.#asleep.set(instanceId, keeper.sleep())
  }

  /** The instance is gone. */
  forget(instanceId: string): void {
    this.#awake.get(instanceId)?.dispose()
    this.#awake.delete(instanceId)
    this.#asleep.get(instanceId)?.probing.stop()
    this.#asleep.delete(instanceId)
  }

  dispose(): void {
    this.#disposed = true
    for (const id of this.ids()) this.forget(id)
  }
}
