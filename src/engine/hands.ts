import type { Clock } from '../clock.ts'
import type { Row } from '../deploy/step.ts'
import { isPassing, isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import { defaultGraceMs } from '../instance/service.ts'
import type { Observer } from '../observe/observer.ts'
import type { Provider, Replica } from '../provider/provider.ts'
import type { Router } from '../router/router.ts'
import type { Blueprint } from './blueprint.ts'
import type { Crashes } from './crashes.ts'
import { rowKey } from './difference.ts'
import type { Lease } from './lease.ts'
import type { SpecSource } from './revisions.ts'

/** How soon what failed is tried again, milliseconds. */
const retryMs = 500

/** What hands work with. */
export interface HandsParts {
  readonly provider: Provider
  readonly router: Router
  readonly clock: Clock
  /** Turns a row into what the provider starts, secrets included. */
  readonly revisions: SpecSource
  readonly observer?: Pick<Observer, 'replicas' | 'refused'>
  /** Told of what could not be done; it is tried again. */
  readonly onTrouble: (instanceId: string, message: string) => void
}

/** What hands tell those they work for. */
export interface HandsOwner {
  /** Something was begun, done or given up: look again. */
  readonly wake: () => void
  /** Replicas went away: see what is left. */
  readonly observe: () => Promise<void>
}

/** Starts, drains, stops and removes replicas of one instance under a lease; knows what is on its way in and out. */
export class Hands {
  readonly #instanceId: string
  readonly #parts: HandsParts
  readonly #crashes: Crashes
  readonly #owner: HandsOwner
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #arriving = new Set<string>()
  /** Those of the arriving that are there by now, but were perhaps not yet when somebody looked last. */
  readonly #landed = new Set<string>()
  readonly #startFailures = new Map<string, SlipwayError>()
  #lease: Lease | undefined

  constructor(instanceId: string, parts: HandsParts, crashes: Crashes, owner: HandsOwner) {
    this.#instanceId = instanceId
    this.#parts = parts
    this.#crashes = crashes
    this.#owner = owner
  }

  /** Ids of the replicas that are on their way out. */
  get leaving(): ReadonlySet<string> {
    return new Set(this.#leaving.keys())
  }

  /** Names of the replicas that were asked for and may not be there yet. */
  get arriving(): ReadonlySet<string> {
    return this.#arriving
  }

  get idle(): boolean {
    return this.#leaving.size === 0 && this.#arriving.size === 0
  }

  /** Why the last start of a row's replicas failed, if it did. */
  startFailure(row: Row): SlipwayError | undefined {
    return this.#startFailures.get(rowKey(row))
  }

  /** Works under this lease from now on. */
  lend(lease: Lease): void {
    this.#lease = lease
  }

  /** The lease is over: whoever has the next one sees for themselves what is on its way. */
  drop(): void {
    this.#lease = undefined
    this.#leaving.clear()
    this.#arriving.clear()
    this.#landed.clear()
  }

  /** Call before a look at the platform, and what it returns once that has succeeded: what had landed by then was seen. */
  beforeLook(): () => void {
    const landed = [...this.#landed]
    return () => {
      for (const name of landed) {
        this.#landed.delete(name)
        this.#arriving.delete(name)
      }
    }
  }

  /** Starts replicas of a row, and tells their names. */
  start(row: Row, ordinals: readonly number[], plan: Blueprint, lease: Lease): readonly string[] {
    // A round that began under an earlier lease ends here.
    if (this.#lease !== lease) return []
    const key = rowKey(row)
    const names = ordinals.map(ordinal => `${key}.${ordinal}`)
    const work = async (): Promise<void> => {
      try {
        const spec = await this.#parts.revisions.specFor(plan.record, row, plan.specs)
        await this.#parts.provider.start(spec, ordinals, lease.fence)
        this.#startFailures.delete(key)
        this.#parts.observer?.replicas('started', ordinals.length)
        if (this.#lease === lease) for (const name of names) this.#landed.add(name)
      } catch (error) {
        if (this.#lease === lease) for (const name of names) this.#arriving.delete(name)
        if (lease.signal.aborted || this.#lost(error, lease)) return
        this.#parts.observer?.replicas('start_failed', ordinals.length)
        this.#startFailures.set(key, asSlipwayError(error))
        this.#crashes.startFailed(key, isPassing(error) ? 'unanswered' : 'refused')
        this.#parts.onTrouble(this.#instanceId, messageOf(error))
      } finally {
        this.#owner.wake()
      }
    }
    for (const name of names) this.#arriving.add(name)
    void work() // it rejects never, and tells its owner when it is through
    return names
  }

  /** Drains and stops replicas of one service, once `routed` says that the router has them draining. */
  retire(replicas: readonly Replica[], routed: Promise<boolean>, plan: Blueprint, lease: Lease): void {
    const ids = replicas.map(replica => replica.id)
    this.#takeAway(ids, lease, async () => {
      if (!(await routed)) return await this.#breathe(lease)
      const { provider, router } = this.#parts
      const drainMs = plan.record.instance.policies.drainMs ?? policyDefaults.drainMs
      // By its own address: the service may have lost its port on the router, in a time that the database has forgotten.
      const reached = replicas.some(({ addresses }) => Object.keys(addresses).length > 0)
      if (reached) await router.drain(this.#instanceId, ids, drainMs, lease.signal)
      const [first] = replicas
      const graceMs = (first && plan.specOf(first)?.graceMs) ?? defaultGraceMs
      await provider.stop(this.#instanceId, ids, graceMs, lease.fence)
      this.#parts.observer?.replicas('stopped', ids.length)
      await this.#owner.observe()
    })
  }

  /** Removes what is left of a replica that exited, its last words kept. */
  remove(replica: Replica, lease: Lease): void {
    const { provider } = this.#parts
    this.#takeAway([replica.id], lease, async () => {
      await this.#crashes.remember(rowKey(replica), provider, this.#instanceId, replica.name)
      await provider.stop(this.#instanceId, [replica.id], 0, lease.fence)
      this.#parts.observer?.replicas('removed', 1)
    })
  }

  #takeAway(ids: readonly string[], lease: Lease, act: () => Promise<void>): void {
    if (this.#lease !== lease) return
    const work = async (): Promise<void> => {
      try {
        await act()
      } catch (error) {
        if (lease.signal.aborted || this.#lost(error, lease)) return
        this.#parts.onTrouble(this.#instanceId, messageOf(error))
        await this.#breathe(lease)
      } finally {
        if (this.#lease === lease) for (const id of ids) this.#leaving.delete(id)
        this.#owner.wake()
      }
    }
    const task = work()
    for (const id of ids) this.#leaving.set(id, task)
  }

  /** Whether the platform said that somebody else has acted since: then everything under this lease ends, and says nothing about a replica. */
  #lost(error: unknown, lease: Lease): boolean {
    if (!isSlipwayError(error, 'lease_lost')) return false
    this.#parts.observer?.refused('provider')
    lease.end(error)
    return true
  }

  /** A platform that fails at once is not asked again at once: what was to leave is on its way for so much longer. */
  async #breathe(lease: Lease): Promise<void> {
    try {
      await this.#parts.clock.sleep(retryMs, lease.signal)
    } catch (error) {
      void error // the lease ended: somebody else tries again
    }
  }
}

function asSlipwayError(error: unknown): SlipwayError {
  return error instanceof SlipwayError ? error : new SlipwayError('step_failed', messageOf(error), { cause: error })
}
