import type { Clock } from '../clock.ts'
import type { Specs } from '../deploy/draft.ts'
import { canonicalJson } from '../deploy/revision.ts'
import type { Revision, Row, Table, Weights } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import type { Health } from '../health/check.ts'
import { policyDefaults } from '../instance/instance.ts'
import { defaultGraceMs, isExclusive, isRouted, type ServiceSnapshot } from '../instance/service.ts'
import type { Provider, Replica } from '../provider/provider.ts'
import type { Router, RouteTable } from '../router/router.ts'
import { Crashes } from './crashes.ts'
import { difference, livingOf, type Moves, type ReplicaView, rowKey, type Situation } from './difference.ts'
import { type Lease, leaseLost } from './lease.ts'
import { Probing } from './probing.ts'
import type { SpecSource } from './revisions.ts'
import { serviceRoutes } from './routes.ts'
import { Waiters } from './waiters.ts'

/** How many looks at an instance at rest go by before the router is asked again what it uses: it may have forgotten. */
const asksRouterEvery = 5
/** The longest that a first look waits for answers, milliseconds. */
const acquaintMs = 2000

/** How soon what failed is tried again, milliseconds. */
const retryMs = 500

/** What a keeper works with. */
export interface KeeperParts {
  readonly provider: Provider
  readonly router: Router
  readonly clock: Clock
  readonly domain: string
  /** Turns a row into what the provider starts, secrets included. */
  readonly revisions: SpecSource
  /** Told of what could not be done; the keeper tries again. */
  readonly onTrouble: (instanceId: string, message: string) => void
  /** Told when a crashed replica was started again. */
  readonly onHealed: (instanceId: string, replica: string) => void
}

/** What a keeper sees: enough to tell whether a step has come true. */
export interface View {
  readonly table: Table
  readonly replicas: readonly ReplicaView[]
  readonly leaving: ReadonlySet<string>
  readonly weightsReached: boolean
  /** Whether the last look at the provider succeeded. */
  readonly observed: boolean
}

/** How many replicas of a row must be ready before its weight may rise: all of them, unless undo asks for fewer. */
export type Needs = ReadonlyMap<Revision, number> | 'all' | 'healing'

/**
 * Keeps one instance as its table says: observes, probes, compares, acts. It acts only under a lease; without one it watches, and says
 * through `differs` that somebody should claim the instance. The same code performs a step, resumes after a crash and heals.
 */
export class Keeper {
  readonly instanceId: string
  readonly crashes: Crashes
  readonly #parts: KeeperParts
  readonly #waiters = new Waiters()
  readonly #told = new Waiters()
  readonly #probing: Probing
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #arriving = new Map<string, Promise<void>>()
  readonly #startFailures = new Map<string, SlipwayError>()
  #record: InstanceRecord
  #table: Table
  #specs: Specs
  #needs: Needs = 'healing'
  #replicas: Replica[] = []
  #observed = false
  #lease: Lease | undefined
  #routes: RouteTable | undefined
  #routesKnown = false
  #routesOwn = false
  #version = 0
  #looks = 0
  #weightsReached = false
  #foundNothing = false
  #passing: Promise<void> | undefined
  #again: Promise<void> | undefined

  constructor(record: InstanceRecord, specs: Specs, parts: KeeperParts) {
    this.instanceId = record.instance.id
    this.#record = record
    this.#table = record.table
    this.#specs = specs
    this.#parts = parts
    this.crashes = new Crashes(parts.clock)
    this.#probing = new Probing(parts.provider, parts.clock, (replica, health) => this.#healthChanged(replica, health))
  }

  /** Takes up what the store says now. */
  refresh(record: InstanceRecord, specs: Specs): void {
    this.#record = record
    this.#specs = { ...this.#specs, ...specs }
    this.#table = record.table
    this.#syncProbers()
    this.#waiters.wake()
  }

  /** Acts from now on, under this lease. What the router uses is asked anew, for only what was observed after the claim counts. */
  lend(lease: Lease): void {
    this.#lease = lease
    this.#routesKnown = false
    this.#routesOwn = false
    this.#weightsReached = false
    this.#observed = false
    this.#foundNothing = false
    this.#version = 0
    lease.signal.addEventListener('abort', () => this.#leaseEnded(lease), { once: true })
  }

  #leaseEnded(lease: Lease): void {
    if (this.#lease === lease) {
      this.#lease = undefined
      this.#leaving.clear()
      this.#arriving.clear()
    }
    this.#waiters.wake()
  }

  /** Changes what is wanted. */
  want(table: Table, needs: Needs): void {
    if (this.#table !== table) this.#weightsReached = false
    this.#foundNothing = false
    this.#table = table
    this.#needs = needs
    this.#syncProbers()
    this.#waiters.wake()
  }

  get table(): Table {
    return this.#table
  }

  /** Something may have changed: look again. */
  hint(): void {
    this.#waiters.wake()
  }

  get providerName(): string {
    return this.#parts.provider.name
  }

  get policies(): InstanceRecord['instance']['policies'] {
    return this.#record.instance.policies
  }

  /** What is stored may have changed: a signal, another deployment. */
  tell(): void {
    this.#told.wake()
    this.#waiters.wake()
  }

  /** Grows each time it is told something. */
  get heardSoFar(): number {
    return this.#told.mark()
  }

  /** Resolves when told, after `ms`, or when aborted. */
  async signalled(ms: number, signal: AbortSignal): Promise<void> {
    await this.#told.next(ms, this.#parts.clock, signal)
  }

  /** Resolves at the next hint, change of health, or after `ms`. */
  async changed(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#waiters.next(ms, this.#parts.clock, signal)
  }

  view(): View {
    return {
      table: this.#table,
      replicas: this.#views(),
      leaving: new Set(this.#leaving.keys()),
      weightsReached: this.#weightsReached,
      observed: this.#observed,
    }
  }

  /** How many replicas of a row take work now, whether or not somebody watched them for as long as their check asks. */
  serving(row: Row): number {
    return livingOf(row, this.view()).filter(({ serving }) => serving).length
  }

  /** Why the last start of a row's replicas failed, if it did. */
  startFailure(row: Row): SlipwayError | undefined {
    return this.#startFailures.get(rowKey(row))
  }

  /** The last answers of the probes of a row's replicas, newest first, for an error that says why. */
  answers(row: Row): string[] {
    return this.#replicas
      .filter(replica => rowKey(replica) === rowKey(row))
      .flatMap(replica => this.#probing.failures(replica.id))
  }

  /** Passes until `done` gives something, or throws. What the probes found meanwhile is looked at before anything is done about it. */
  async until<T>(done: (view: View) => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      signal.throwIfAborted()
      const seen = this.#waiters.mark()
      const already = done(this.view())
      if (already !== undefined) return already
      await this.attempt()
      signal.throwIfAborted()
      const result = done(this.view())
      if (result !== undefined) return result
      await this.#waiters.since(seen, this.#patience(), this.#parts.clock, signal)
    }
  }

  /** Looks until every replica that is there has answered a probe, for as long as a slow one may take: before that, nobody knows what is ready. */
  async acquaint(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const until = clock.monotonic() + acquaintMs
    for (;;) {
      const seen = this.#waiters.mark()
      await this.#observe()
      if ((this.#observed && this.#probing.allAnswered) || clock.monotonic() >= until) return
      await this.#waiters.since(seen, 20, clock, signal)
      signal.throwIfAborted()
    }
  }

  /** Looks once, without acting, and says whether somebody should act. */
  async differs(): Promise<boolean> {
    await this.#observe()
    if (!this.#observed) return false
    this.#looks += 1
    if (!this.#routesKnown || this.#looks % asksRouterEvery === 0) await this.#learnRoutes()
    const moves = this.#compare()
    return (
      moves.start.length > 0 || moves.stop.length > 0 || moves.remove.length > 0 || this.#routesDiffer(moves.weights)
    )
  }

  /** Whether the last round found nothing to do, and nothing that was begun is still under way. */
  get quiet(): boolean {
    return this.#foundNothing && this.#leaving.size === 0 && this.#arriving.size === 0
  }

  /** One round: observe, compare, act. Calls that come while one is under way share the next. */
  async pass(): Promise<void> {
    if (!this.#passing) {
      this.#passing = this.#round().finally(() => {
        this.#passing = undefined
      })
      return this.#passing
    }
    this.#again ??= this.#passing
      .catch(error => void error /* whoever began that round is told */)
      .then(() => {
        this.#again = undefined
        return this.pass()
      })
    return this.#again
  }

  /** Stops watching. Replicas and routes stay as they are. */
  dispose(): void {
    this.#probing.stop()
    this.#waiters.wake()
  }

  /** A round whose troubles are told and tried again; only a lost lease rejects. */
  async attempt(): Promise<void> {
    try {
      await this.pass()
    } catch (error) {
      if (isSlipwayError(error, 'lease_lost')) throw error
      this.#parts.onTrouble(this.instanceId, messageOf(error))
    }
  }

  async #round(): Promise<void> {
    await this.#observe()
    const lease = this.#lease
    if (!lease) return
    if (!this.#observed) {
      // Nothing can be done on a guess.
      this.#foundNothing = true
      return
    }
    if (!this.#routesKnown) {
      // What is missing is started whatever the router says; it comes up while the router is asked.
      for (const { row, ordinals } of this.#compare().start) this.#start(row, ordinals, lease)
      await this.#learnRoutes()
    }
    const table = this.#table
    const moves = this.#compare()
    for (const { row, ordinals } of moves.start) this.#start(row, ordinals, lease)
    const groups = Map.groupBy(moves.stop, replica => replica.service)
    const [released, release] = gate()
    for (const [service, replicas] of groups) this.#retire(service, replicas, released, lease)
    for (const replica of moves.remove) this.#remove(replica, lease)
    try {
      await this.#route(moves.weights, lease)
      release(true)
    } catch (error) {
      release(false)
      throw error
    }
    if (this.#table === table) this.#weightsReached = moves.weightsReached
    this.#foundNothing = moves.start.length + moves.stop.length + moves.remove.length === 0
  }

  async #observe(): Promise<void> {
    try {
      this.#replicas = (await this.#parts.provider.observe(this.instanceId, this.#lease?.signal)).filter(
        replica => replica.storeId === this.#parts.revisions.storeId,
      )
      this.#observed = true
    } catch (error) {
      // Unreachable is unknown, never gone: what was seen last stays, and nothing is started or stopped on a guess.
      this.#observed = false
      if (!this.#lease?.signal.aborted) this.#parts.onTrouble(this.instanceId, messageOf(error))
    }
    for (const replica of this.#replicas) {
      if (replica.state === 'exited' && !this.#leaving.has(replica.id))
        this.crashes.exited(rowKey(replica), replica.id, replica.exitCode)
    }
    this.#syncProbers()
  }

  #syncProbers(): void {
    this.#probing.sync(this.#replicas, replica => this.#specOf(replica))
  }

  #healthChanged(replica: Replica, health: Health): void {
    if (health === 'ready') this.crashes.becameReady(rowKey(replica))
    this.#waiters.wake()
  }

  #rowOf(replica: { readonly service: string; readonly revision: Revision }): Row | undefined {
    return this.#table.find(row => row.service === replica.service && row.revision === replica.revision)
  }

  /** How a replica's service is described: by its row's release, or for one that has no row any more by whatever knows its service. */
  #specOf(replica: { readonly service: string; readonly revision: Revision }): ServiceSnapshot | undefined {
    const release = this.#rowOf(replica)?.release
    const named = release === undefined ? undefined : this.#specs[release]?.find(spec => spec.name === replica.service)
    return named ?? this.#describe(replica.service)
  }

  #describe(service: string): ServiceSnapshot | undefined {
    for (const services of Object.values(this.#specs).toReversed()) {
      const spec = services.find(candidate => candidate.name === service)
      if (spec) return spec
    }
    return undefined
  }

  #views(): ReplicaView[] {
    return this.#replicas.map(replica => ({
      replica,
      health: this.#probing.healthOf(replica.id),
      serving: this.#probing.serving(replica.id),
      settled: this.#probing.settled(replica.id),
    }))
  }

  #situation(): Situation {
    const applied = appliedWeights(this.#routes)
    return {
      table: this.#table,
      replicas: this.#views(),
      isRouted: service => this.#record.ports[service] !== undefined && this.#isRoutedRow(service),
      isExclusive: service => {
        const row = this.#table.find(candidate => candidate.service === service)
        const spec = row && this.#specOf(row)
        return spec !== undefined && isExclusive(spec)
      },
      applied,
      required: row => this.#required(row, applied),
      leaving: new Set(this.#leaving.keys()),
      arriving: new Set(this.#arriving.keys()),
      backingOff: row => this.crashes.backingOff(rowKey(row)),
    }
  }

  #isRoutedRow(service: string): boolean {
    return this.#table.some(row => {
      const spec = row.service === service ? this.#specOf(row) : undefined
      return spec !== undefined && isRouted(spec)
    })
  }

  #required(row: Row, applied: Weights): number {
    if (this.#needs === 'all') return row.replicas
    if (this.#needs === 'healing') {
      // A service that gets no traffic at all has nothing to lose: route it, and its replicas join as they become ready.
      const any = Object.values(applied[row.service] ?? {}).some(weight => weight > 0)
      return any ? row.replicas : 0
    }
    return Math.min(row.replicas, this.#needs.get(row.revision) ?? row.replicas)
  }

  #compare(): Moves {
    return difference(this.#situation())
  }

  #start(row: Row, ordinals: readonly number[], lease: Lease): void {
    const key = rowKey(row)
    const names = ordinals.map(ordinal => `${key}.${ordinal}`)
    const work = async (): Promise<void> => {
      try {
        const spec = await this.#parts.revisions.specFor(this.#record, row, this.#specs)
        await this.#parts.provider.start(spec, ordinals, lease.fence)
        this.#startFailures.delete(key)
        if (this.#needs === 'healing') for (const name of names) this.#parts.onHealed(this.instanceId, name)
      } catch (error) {
        // A lease that runs out says nothing about the replica.
        if (lease.signal.aborted || isSlipwayError(error, 'lease_lost')) return
        this.#startFailures.set(key, asSlipwayError(error))
        this.crashes.startFailed(key, isSlipwayError(error, 'unavailable') ? 'unanswered' : 'refused')
        this.#parts.onTrouble(this.instanceId, messageOf(error))
      } finally {
        if (this.#lease === lease) for (const name of names) this.#arriving.delete(name)
        this.#waiters.wake()
      }
    }
    const task = work()
    for (const name of names) this.#arriving.set(name, task)
  }

  /** Drains and stops replicas, once the router has them draining. */
  #retire(service: string, replicas: readonly Replica[], routed: Promise<boolean>, lease: Lease): void {
    const ids = replicas.map(replica => replica.id)
    const work = async (): Promise<void> => {
      try {
        if (!(await routed)) return await this.#breathe(lease)
        const { provider, router } = this.#parts
        const drainMs = this.#record.instance.policies.drainMs ?? policyDefaults.drainMs
        if (this.#record.ports[service] !== undefined) await router.drain(this.instanceId, ids, drainMs, lease.signal)
        const grace = this.#specOf(replicas[0] as Replica)?.graceMs ?? defaultGraceMs
        await provider.stop(this.instanceId, ids, grace, lease.fence)
        await this.#observe()
      } catch (error) {
        await this.#trouble(error, lease)
      } finally {
        if (this.#lease === lease) for (const id of ids) this.#leaving.delete(id)
        this.#waiters.wake()
      }
    }
    const task = work()
    for (const id of ids) this.#leaving.set(id, task)
  }

  async #trouble(error: unknown, lease: Lease): Promise<void> {
    if (lease.signal.aborted) return
    this.#parts.onTrouble(this.instanceId, messageOf(error))
    await this.#breathe(lease)
  }

  /** A platform that fails at once is not asked again at once: what was to leave is on its way for so much longer. */
  async #breathe(lease: Lease): Promise<void> {
    try {
      await this.#parts.clock.sleep(retryMs, lease.signal)
    } catch (error) {
      void error // the lease ended: somebody else tries again
    }
  }

  #remove(replica: Replica, lease: Lease): void {
    const work = async (): Promise<void> => {
      try {
        await this.crashes.remember(rowKey(replica), this.#parts.provider, this.instanceId, replica.name)
        await this.#parts.provider.stop(this.instanceId, [replica.id], 0, lease.fence)
      } catch (error) {
        await this.#trouble(error, lease)
      } finally {
        if (this.#lease === lease) this.#leaving.delete(replica.id)
        this.#waiters.wake()
      }
    }
    this.#leaving.set(replica.id, work())
  }

  async #learnRoutes(): Promise<void> {
    this.#routes = await this.#parts.router.observe(this.instanceId, this.#lease?.signal)
    this.#routesKnown = true
    this.#probing.found(servingIn(this.#routes))
  }

  #routesDiffer(weights: Weights): boolean {
    return canonicalJson(this.#nextRoutes(weights)) !== canonicalJson(this.#routes?.services ?? {})
  }

  #nextRoutes(weights: Weights): RouteTable['services'] {
    return serviceRoutes({
      instance: this.#record.instance,
      domain: this.#parts.domain,
      ports: this.#record.ports,
      table: this.#table,
      weights,
      replicas: this.#views(),
      leaving: new Set(this.#leaving.keys()),
      inUse: this.#routes?.services ?? {},
    })
  }

  async #route(weights: Weights, lease: Lease): Promise<void> {
    const services = this.#nextRoutes(weights)
    if (this.#routesOwn && canonicalJson(services) === canonicalJson(this.#routes?.services ?? {})) return
    if (lease.signal.aborted) throw leaseLost(this.instanceId)
    this.#version += 1
    const { storeId, instanceId, epoch } = lease.fence
    const table: RouteTable = { storeId, instanceId, epoch, version: this.#version, services }
    try {
      await this.#parts.router.apply(table, lease.fence)
      this.#routes = table
      this.#routesOwn = true
    } catch (error) {
      // It may or may not be in use: ask before the next one.
      this.#routesKnown = false
      throw error
    }
  }

  /** How long to wait for a change before looking again, milliseconds: not longer than the next replica takes to settle. */
  #patience(): number {
    const soonest = Math.min(this.#probing.nextSettleMs(), this.crashes.nextRetryMs(), 250)
    return Math.max(1, Math.ceil(soonest))
  }
}

function appliedWeights(routes: RouteTable | undefined): Weights {
  return Object.fromEntries(
    Object.entries(routes?.services ?? {}).map(([service, route]) => [
      service,
      Object.fromEntries(Object.entries(route.revisions).map(([revision, { weight }]) => [revision, weight])),
    ]),
  )
}

function servingIn(routes: RouteTable | undefined): Set<string> {
  const endpoints = Object.values(routes?.services ?? {}).flatMap(route =>
    Object.values(route.revisions).flatMap(revision => revision.endpoints),
  )
  return new Set(endpoints.filter(({ state }) => state === 'serving').map(({ replica }) => replica))
}

function asSlipwayError(error: unknown): SlipwayError {
  return error instanceof SlipwayError ? error : new SlipwayError('step_failed', messageOf(error), { cause: error })
}

/** A promise and what resolves it. */
function gate(): [Promise<boolean>, (value: boolean) => void] {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  return [promise, resolve]
}
