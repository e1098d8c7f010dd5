import { answerMs, inTime } from '../abort.ts'
import type { Replica } from '../provider/provider.ts'
import type { Blueprint } from './blueprint.ts'
import type { ReplicaView } from './difference.ts'
import { Probing, type ProbingParts } from './probing.ts'

/** What eyes work with. */
export interface EyesParts extends ProbingParts {
  /** Whose replicas are ours. */
  readonly revisions: { readonly storeId: string }
}

/** What is seen of one instance's replicas: which of them the platform last said are there, and what their probes say. */
export class Eyes {
  readonly probing: Probing
  readonly #instanceId: string
  readonly #parts: EyesParts
  #replicas: readonly Replica[]
  #strangers: ReadonlySet<string> = new Set()
  #looks = 0
  /** The number of the latest look that counts. */
  #newest = 0
  #observed = false

  constructor(instanceId: string, parts: EyesParts, probing: Probing = new Probing(parts)) {
    this.#instanceId = instanceId
    this.#parts = parts
    this.probing = probing
    this.#replicas = probing.replicas
  }

  /** Whether the last look succeeded. */
  get observed(): boolean {
    return this.#observed
  }

  /** Those of this store that were there. */
  get replicas(): readonly Replica[] {
    return this.#replicas
  }

  /** Names that replicas of other stores have: never counted, never touched, and not free either. */
  get strangers(): ReadonlySet<string> {
    return this.#strangers
  }

  /** What was seen until now counts no more, nor does a look that is under way. */
  beginAnew(): void {
    this.#observed = false
    this.#newest = this.#looks + 1
  }

  /**
   * Asks the platform once. `note` is told at once, before anybody else can act, of those that ended, or vanished though they were not
   * stopping; it is not told when a look that began later has answered already. Rejects when the platform does not answer: unreachable is
   * unknown, never gone, and what was seen last stays.
   */
  async look(signal: AbortSignal | undefined, note: (gone: readonly Replica[]) => void): Promise<void> {
    const look = ++this.#looks
    const { provider, clock, revisions } = this.#parts
    const patience = { who: `The provider "${provider.name}"`, ms: answerMs, clock, signal }
    try {
      const there = await inTime(patience, within => provider.observe(this.#instanceId, within))
      // Of two looks at once the one that began later knows better.
      if (look < this.#newest) return
      this.#newest = look
      this.#observed = true
      const foreign = there.filter(one => one.storeId !== revisions.storeId)
      this.#strangers = new Set(foreign.map(({ name }) => name))
      note(this.#take(there.filter(one => one.storeId === revisions.storeId)))
    } catch (error) {
      if (look >= this.#newest) this.#observed = false
      throw error
    }
  }

  /** Takes over what is there, and tells who is gone. */
  #take(there: readonly Replica[]): readonly Replica[] {
    const ids = new Set(there.map(({ id }) => id))
    const vanished = this.#replicas.filter(
      ({ id, state }) => !ids.has(id) && state !== 'exited' && state !== 'stopping',
    )
    this.#replicas = there
    return [...vanished, ...there.filter(({ state }) => state === 'exited')]
  }

  /** Probes exactly those that are there, each by its own check. */
  follow(plan: Blueprint): void {
    this.probing.sync(this.#replicas, replica => plan.checkOf(replica))
  }

  /** The replicas and what their probes say. Who is not probed is not ready, unless the instance is only kept as it is found. */
  views({ held }: Blueprint): ReplicaView[] {
    return this.#replicas.map(replica => ({
      replica,
      health: this.probing.healthOf(replica.id) ?? (held ? 'unknown' : 'unready'),
      serving: this.probing.serving(replica.id),
      settled: this.probing.settled(replica.id),
    }))
  }
}
