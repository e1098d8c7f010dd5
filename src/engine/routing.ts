import { answerMs, inTime } from '../abort.ts'
import type { Clock } from '../clock.ts'
import { sameContent } from '../deploy/revision.ts'
import type { Weights } from '../deploy/step.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import type { Fence } from '../provider/provider.ts'
import type { Router, RouteTable } from '../router/router.ts'
import { type Lease, leaseLost } from './lease.ts'

/** Asked to clear away what is in the way of a table; resolves to whether it was anything. */
export type MakeWay = (table: RouteTable, fence: Fence) => Promise<boolean>

/** What routing works with. */
export interface RoutingParts {
  readonly router: Router
  readonly makeWay: MakeWay
  readonly clock: Clock
  readonly observer?: Pick<Observer, 'refused'>
  /** Whose routes are ours. */
  readonly revisions: { readonly storeId: string }
}

/** The routes of one instance as the router uses them, and the way to change them. */
export class Routing {
  readonly #instanceId: string
  readonly #parts: RoutingParts
  readonly #held: () => boolean
  #refusal: string | undefined
  #inUse: RouteTable | undefined
  /** The last routes that were found while the instance was held. */
  #found: RouteTable['services'] = {}
  #known = false
  /** The epoch under which we wrote the table in use, if we did. */
  #own: number | undefined
  #version = 0
  #doubts = 0

  /** `held` tells whether the instance is only kept as it is found, now. */
  constructor(instanceId: string, parts: RoutingParts, held: () => boolean) {
    this.#instanceId = instanceId
    this.#parts = parts
    this.#held = held
  }

  /** Whether the router was asked, and nothing happened since that would make its answer doubtful. */
  get known(): boolean {
    return this.#known
  }

  /** The table in use, as it was learnt or applied last. */
  get inUse(): RouteTable | undefined {
    return this.#inUse
  }

  /** Why the last table was not taken; undefined when it was. */
  get refusal(): string | undefined {
    return this.#refusal
  }

  get #services(): RouteTable['services'] {
    return this.#inUse?.services ?? {}
  }

  /** The routes to go on from: those in use. Of one that is held those that were, for there is no table to make them from when the router loses them. */
  get basis(): RouteTable['services'] {
    return this.#held() && isEmpty(this.#services) ? this.#found : this.#services
  }

  /** Under a new lease only what is learnt from now on counts. */
  beginLease(): void {
    this.#known = false
    this.#own = undefined
    this.#version = 0
  }

  /** The router may not have what it had: ask it before the next comparison. */
  doubt(): void {
    this.#known = false
    this.#doubts += 1
  }

  /** Asks the router what it uses. A table of another store is none of ours, and gives way to the first that is. */
  async learn(signal?: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    await inTime({ who: 'The router', ms: answerMs, clock, signal }, within => this.#ask(within))
    if (!isEmpty(this.#services)) this.#found = this.#held() ? this.#services : {}
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { router, revisions } = this.#parts
    const doubts = this.#doubts
    const found = await router.observe(this.#instanceId, signal)
    // An answer that nobody waits for any more is older than what was learnt since.
    signal.throwIfAborted()
    const ours = found?.storeId === revisions.storeId ? found : undefined
    // Not in use any more, or not yet: then it has to be written, even if it says what was written last.
    if (!this.#isLast(ours)) this.#own = undefined
    this.#inUse = ours
    this.#known = this.#doubts === doubts
  }

  #isLast(found: RouteTable | undefined): boolean {
    return found?.epoch === this.#inUse?.epoch && found?.version === this.#inUse?.version
  }

  /** Whether these routes are others than those in use. */
  differs(services: RouteTable['services']): boolean {
    return !sameContent(services, this.#services)
  }

  /** Puts these routes to use, if they are not. The first table under an epoch is written even if it says the same: the epoch is higher. */
  async use(services: RouteTable['services'], lease: Lease): Promise<void> {
    const { storeId, instanceId, epoch } = lease.fence
    if (this.#own === epoch && !this.differs(services)) return
    if (lease.signal.aborted) throw leaseLost(this.#instanceId)
    this.#version += 1
    const table: RouteTable = { storeId, instanceId, epoch, version: this.#version, services }
    try {
      await this.#apply(table, lease)
      this.#inUse = table
      this.#own = epoch
      this.#refusal = undefined
    } catch (error) {
      this.#refusal = messageOf(error)
      if (isSlipwayError(error, 'lease_lost')) this.#parts.observer?.refused('router')
      // It may or may not be in use: ask before the next one.
      this.#known = false
      throw error
    }
  }

  async #apply(table: RouteTable, { fence }: Lease): Promise<void> {
    try {
      await this.#parts.router.apply(table, fence)
    } catch (error) {
      if (!isSlipwayError(error, 'already_exists') || !(await this.#parts.makeWay(table, fence))) throw error
      await this.#parts.router.apply(table, fence)
    }
  }
}

function isEmpty(services: RouteTable['services']): boolean {
  return Object.keys(services).length === 0
}

/** Ids of the replicas that get new requests. */
export function servingIn(services: RouteTable['services']): Set<string> {
  const endpoints = Object.values(services).flatMap(route =>
    Object.values(route.revisions).flatMap(revision => revision.endpoints),
  )
  return new Set(endpoints.filter(({ state }) => state === 'serving').map(({ replica }) => replica))
}

/** Service → revision → its share, as routes have it. */
export function weightsOf(services: RouteTable['services']): Weights {
  return Object.fromEntries(
    Object.entries(services).map(([service, route]) => [
      service,
      Object.fromEntries(Object.entries(route.revisions).map(([revision, { weight }]) => [revision, weight])),
    ]),
  )
}
