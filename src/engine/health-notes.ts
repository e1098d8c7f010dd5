import { timestamp } from '../clock.ts'
import type { HealthChange, SpanHealth } from '../deploy/history.ts'
import type { EngineParts } from './context.ts'
import type { Keeper } from './keeper.ts'
import type { InstancePulse } from './pulse.ts'

/** How often it is written that somebody watches, milliseconds: so much of the end of a control plane that was killed is unknown. */
const beatMs = 10_000
/** Instances of which is read and written at once: after a start, and after many were deleted, it may be about all there are. */
const batch = 100

/** Notes how the health of instances changes. What does not change is not written. */
export class HealthNotes {
  readonly #parts: Pick<EngineParts, 'store' | 'clock'>
  readonly #watcher: string
  readonly #from: string
  readonly #pulses = new Map<string, InstancePulse>()
  /** By instance and service, what is written. An instance that is not here was not read of yet. */
  readonly #noted = new Map<string, Map<string, SpanHealth>>()
  /** Which changed, and when: an object of its own for each change, as two may come in one millisecond. */
  readonly #stirred = new Map<string, { readonly at: string }>()
  readonly #gone = new Map<string, string>()
  #beatAt = Number.NEGATIVE_INFINITY

  constructor(parts: Pick<EngineParts, 'store' | 'clock'>, watcher: string) {
    this.#parts = parts
    this.#watcher = watcher
    this.#from = timestamp(parts.clock.now())
  }

  /** How an instance was when it was looked at last. */
  of(instanceId: string): InstancePulse | undefined {
    return this.#pulses.get(instanceId)
  }

  /** Takes what a keeper sees now. */
  look(keeper: Pick<Keeper, 'instanceId' | 'pulse'>): void {
    const pulse = keeper.pulse()
    if (!pulse) return
    const before = this.#pulses.get(keeper.instanceId)
    this.#pulses.set(keeper.instanceId, pulse)
    if (before && sameHealth(before, pulse)) return
    this.#stirred.set(keeper.instanceId, { at: timestamp(this.#parts.clock.now()) })
  }

  /** There is no such instance any more. */
  forget(instanceId: string): void {
    this.#pulses.delete(instanceId)
    this.#stirred.delete(instanceId)
    this.#gone.set(instanceId, timestamp(this.#parts.clock.now()))
  }

  /** Writes what changed since it was written last. What can't be written is written the next time. */
  async write(): Promise<void> {
    const { history } = this.#parts.store
    const now = this.#parts.clock.now()
    if (this.#stirred.size > 0 || this.#gone.size > 0) {
      const stirred = new Map([...this.#stirred].slice(0, batch))
      const gone = new Map([...this.#gone].slice(0, batch))
      await this.#read([...stirred.keys(), ...gone.keys()])
      const changes = [
        ...[...stirred].flatMap(([id, { at }]) => this.#changes(id, this.#pulses.get(id), at)),
        ...[...gone].flatMap(([id, at]) => this.#changes(id, undefined, at)),
      ]
      if (changes.length > 0) await history.noteHealth(changes)
      for (const { instanceId, service, health } of changes) {
        const known = this.#noted.get(instanceId) ?? new Map<string, SpanHealth>()
        if (health === undefined) known.delete(service ?? '')
        else known.set(service ?? '', health)
        this.#noted.set(instanceId, known)
      }
      for (const [id, change] of stirred) if (this.#stirred.get(id) === change) this.#stirred.delete(id)
      for (const id of gone.keys()) {
        this.#gone.delete(id)
        this.#noted.delete(id)
      }
    }
    if (now - this.#beatAt < beatMs && now >= this.#beatAt) return
    await this.beat()
  }

  /** Writes that it was watched until now. */
  async beat(): Promise<void> {
    const now = this.#parts.clock.now()
    await this.#parts.store.history.noteWatch(this.#watcher, this.#from, timestamp(now))
    this.#beatAt = now
  }

  async #read(ids: readonly string[]): Promise<void> {
    const unread = ids.filter(id => !this.#noted.has(id))
    if (unread.length === 0) return
    const spans = await this.#parts.store.history.lasting(unread)
    for (const id of unread) {
      const own = spans.filter(span => span.instanceId === id)
      this.#noted.set(id, new Map(own.map(({ service, health }) => [service ?? '', health])))
    }
  }

  #changes(instanceId: string, pulse: InstancePulse | undefined, at: string): HealthChange[] {
    const noted = this.#noted.get(instanceId) ?? new Map<string, SpanHealth>()
    const now = new Map(Object.entries(pulse?.services ?? {}).map(([name, { health }]) => [name, health]))
    if (pulse) now.set('', pulse.health)
    const changes: HealthChange[] = []
    for (const service of new Set([...noted.keys(), ...now.keys()])) {
      const health = now.get(service)
      if (health === noted.get(service)) continue
      changes.push({
        instanceId,
        at,
        ...(service === '' ? {} : { service }),
        ...(health === undefined ? {} : { health }),
      })
    }
    return changes
  }
}

function sameHealth(before: InstancePulse, after: InstancePulse): boolean {
  const told = ({ health, services }: InstancePulse): string =>
    JSON.stringify([health, Object.entries(services).map(([name, one]) => [name, one.health])])
  return told(before) === told(after)
}
