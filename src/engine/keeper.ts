import { after } from '../clock.ts'
import type { Specs } from '../deploy/draft.ts'
import type { Row, Table, Weights } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isShortage, isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import type { Health } from '../health/check.ts'
import type { Replica } from '../provider/provider.ts'
import type { RouteTable } from '../router/router.ts'
import { type Ahead, aheadOf } from './ahead.ts'
import { Blueprint } from './blueprint.ts'
import { actsIn, type Knowledge, movesFor, type Needs, routesFor } from './compare.ts'
import { Crashes } from './crashes.ts'
import { livingOf, type Moves, type ReplicaView, readyOf, rowKey } from './difference.ts'
import { Eyes, type EyesParts } from './eyes.ts'
import { Hands, type HandsParts } from './hands.ts'
import { type Happening, Healing } from './healing.ts'
import type { Lease } from './lease.ts'
import type { Probing } from './probing.ts'
import { type InstancePulse, pulseOf } from './pulse.ts'
import type { SpecSource } from './revisions.ts'
import { Rounds } from './rounds.ts'
import { type MakeWay, Routing, servingIn } from './routing.ts'
import { Waiters } from './waiters.ts'

/** How many looks at an instance at rest go by before the router is asked again what it uses: it may have forgotten. */
const asksRouterEvery = 5
/** The longest that a first look waits for answers, milliseconds. */
const acquaintMs = 2000

/** What a keeper works with. */
export interface KeeperParts extends HandsParts, EyesParts {
  /** Clears away what belongs to nobody and keeps routes from being used. */
  readonly makeWay: MakeWay
  readonly revisions: SpecSource
  readonly domain: string
  /** Told what became of replicas that died, for the event log. */
  readonly onHappening: (instanceId: string, what: Happening) => void
  /** Told that something changed while nobody owned the instance, whether or not the keeper is awake: whoever looks for differences may look now. */
  readonly onStir: (instanceId: string) => void
}

/** What is left of a keeper that sleeps: what was found out and can't be read again. */
export interface Memory {
  readonly probing: Probing
  readonly crashes: Crashes
}

/** What a keeper sees: enough to tell whether a step has come true. */
export interface View {
  readonly table: Table
  readonly replicas: readonly ReplicaView[]
  readonly leaving: ReadonlySet<string>
  readonly weightsReached: boolean
  /** Whether the last look at the provider succeeded. */
  readonly observed: boolean
  /** Whether something that is wanted could not be done lately because a disk is full, or slower than what is asked of it. */
  readonly starved: boolean
}

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
  readonly #rounds = new Rounds(() => this.#round())
  readonly #eyes: Eyes
  readonly #hands: Hands
  readonly #routing: Routing
  readonly #healing: Healing
  #plan: Blueprint
  #needs: Needs = 'healing'
  /** The epoch before this lease. */
  #before = 0
  /** Whether anything was begun under this lease. */
  #acted = false
  #ahead: Ahead | undefined
  #cancelStir = (): void => void 0
  #lease: Lease | undefined
  #looks = 0
  #weightsReached = false
  #foundNothing = false
  #starved = false

  constructor(record: InstanceRecord, specs: Specs, parts: KeeperParts, memory?: Memory) {
    this.instanceId = record.instance.id
    this.#plan = new Blueprint(record, specs)
    this.#parts = parts
    this.crashes = memory?.crashes ?? new Crashes(parts.clock)
    this.#routing = new Routing(this.instanceId, parts, () => this.held)
    this.#healing = new Healing(this.crashes, what => parts.onHappening(this.instanceId, what))
    this.#hands = new Hands(this.instanceId, parts, this.crashes, {
      wake: () => this.#waiters.wake(),
      observe: () => this.#observe(),
    })
    this.#eyes = new Eyes(this.instanceId, parts, memory?.probing)
    this.#eyes.probing.tell((replica, health) => this.#healthChanged(replica, health))
  }

  /** Takes up what the store says now. */
  refresh(record: InstanceRecord, specs: Specs): void {
    // What was wanted before may still run, and has to be described until it is gone.
    const before = this.#plan.table.flatMap(({ release }) => {
      const services = this.#plan.specs[release]
      return services ? [[release, services] as const] : []
    })
    this.#plan = new Blueprint(record, { ...Object.fromEntries(before), ...specs })
    this.#eyes.follow(this.#plan)
    this.#waiters.wake()
  }

  /** Acts from now on, under this lease. What the router uses is asked anew, for only what was observed after the claim counts. */
  lend(lease: Lease): void {
    this.#lease = lease
    this.#before = lease.claim.epoch - 1
    this.#acted = false
    this.#ahead = undefined
    this.#hands.lend(lease)
    this.#routing.beginLease()
    this.#weightsReached = false
    this.#eyes.beginAnew()
    this.#foundNothing = false
    lease.signal.addEventListener('abort', () => this.#leaseEnded(lease), { once: true })
  }

  #leaseEnded(lease: Lease): void {
    if (this.#lease === lease) {
      this.#lease = undefined
      this.#hands.drop()
    }
    this.#waiters.wake()
  }

  /**
   * The first look under a lease, at platform and router, before anything is done: what is there may come from a time the database has
   * forgotten. What does not answer now is looked at later.
   */
  async survey(): Promise<void> {
    await this.#observe()
    try {
      await this.#learnRoutes()
    } catch (error) {
      this.#lease?.signal.throwIfAborted()
      this.#parts.onTrouble(this.instanceId, messageOf(error))
    }
  }

  /** What ended the lease: traces of a time the database has forgotten. */
  get ahead(): Ahead | undefined {
    return this.#ahead
  }

  /** Whether the instance is only kept as it is found, until somebody says what is wanted. */
  get held(): boolean {
    return this.#plan.held
  }

  /** Changes what is wanted. */
  want(table: Table, needs: Needs): void {
    if (this.#plan.table !== table) this.#weightsReached = false
    this.#foundNothing = false
    this.#plan = this.#plan.wanting(table)
    this.#needs = needs
    this.#eyes.follow(this.#plan)
    this.#waiters.wake()
  }

  get table(): Table {
    return this.#plan.table
  }

  /** Something may have changed: look again. */
  hint(): void {
    this.#waiters.wake()
  }

  /** The router may have lost what it was given: it is asked at the next look, and the look is now. */
  doubtRoutes(): void {
    this.#routing.doubt()
    this.#waiters.wake()
  }

  /** The instance as it was last taken up. */
  get record(): InstanceRecord {
    return this.#plan.record
  }

  /** The services of the releases that its table is kept by, or lately was. */
  get specs(): Specs {
    return this.#plan.specs
  }

  get providerName(): string {
    return this.#parts.provider.name
  }

  get policies(): InstanceRecord['instance']['policies'] {
    return this.#plan.record.instance.policies
  }

  /** How the instance is by what was seen last. */
  pulse(): InstancePulse | undefined {
    return pulseOf(this.#plan.record.instance, this.view())
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
      table: this.#plan.table,
      replicas: this.#eyes.views(this.#plan),
      leaving: this.#hands.leaving,
      weightsReached: this.#weightsReached,
      observed: this.#eyes.observed,
      starved: this.#starved || this.#plan.table.some(row => isShortage(this.startFailure(row))),
    }
  }

  /** How many replicas of a row take work now, whether or not somebody watched them for as long as their check asks. */
  serving(row: Row): number {
    return livingOf(row, this.view()).filter(({ serving }) => serving).length
  }

  /** Why the last start of a row's replicas failed, if it did. */
  startFailure(row: Row): SlipwayError | undefined {
    return this.#hands.startFailure(row)
  }

  /** Why the router did not take the last routes; undefined when it did. */
  get refusedRoutes(): string | undefined {
    return this.#routing.refusal
  }

  /** The last answers of the probes of a row's replicas, newest first, for an error that says why. */
  answers(row: Row): string[] {
    return this.#eyes.replicas
      .filter(replica => rowKey(replica) === rowKey(row))
      .flatMap(replica => this.#eyes.probing.failures(replica.id))
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
      if ((this.#eyes.observed && this.#eyes.probing.allAnswered) || clock.monotonic() >= until) return
      await this.#waiters.since(seen, 20, clock, signal)
      signal.throwIfAborted()
    }
  }

  /** Looks once, so that what it sees is of now. */
  async glance(): Promise<void> {
    await this.#observe()
  }

  /** Looks once, without acting, and says whether somebody should act. */
  async differs(): Promise<boolean> {
    await this.#observe()
    if (!this.#eyes.observed) return false
    this.#looks += 1
    const asks = !this.#routing.known || this.#looks % asksRouterEvery === 0
    const answered = !asks || (await this.#couldLearnRoutes())
    this.#stirInTime()
    if (this.#aheadOf(this.#plan.record.epoch)) return true
    const moves = this.#compare()
    if (actsIn(moves) > 0) return true
    return answered && this.#routing.differs(this.#nextRoutes(moves.weights))
  }

  /** Of a router that does not answer nothing is known, and what died is started again all the same. */
  async #couldLearnRoutes(): Promise<boolean> {
    try {
      await this.#learnRoutes()
      return true
    } catch (error) {
      this.#parts.onTrouble(this.instanceId, messageOf(error))
      return false
    }
  }

  /** What waits for its time comes to it though nobody looks: a start that was put off, a replica that has to be ready for a while. */
  #stirInTime(): void {
    this.#cancelStir()
    const ms = Math.min(this.crashes.nextRetryMs(), this.#eyes.probing.nextSettleMs())
    if (ms === Number.POSITIVE_INFINITY) return
    this.#cancelStir = after(this.#parts.clock, Math.ceil(ms), () => {
      if (!this.#lease) this.#parts.onStir(this.instanceId)
    })
  }

  /** Whether the last round found nothing to do, and nothing that was begun is still under way. */
  get quiet(): boolean {
    return this.#foundNothing && this.#hands.idle
  }

  /** One round: observe, compare, act. Calls that come while one is under way share the next. */
  async pass(): Promise<void> {
    await this.#rounds.run()
  }

  /**
   * Whether all is as wanted, so that nothing has to be looked at again before something changes, and nothing was found out that can't be
   * read again.
   */
  get calm(): boolean {
    if (this.#lease || this.held || !this.#eyes.observed || !this.#routing.known) return false
    const waits = Math.min(this.crashes.nextRetryMs(), this.#eyes.probing.nextSettleMs())
    return this.#hands.idle && this.#healing.idle && waits === Number.POSITIVE_INFINITY
  }

  /** Lets go of everything but the probes, which go on. Another keeper goes on from what is returned. */
  sleep(): Memory {
    const { onStir } = this.#parts
    const { instanceId } = this
    this.#cancelStir()
    this.#eyes.probing.tell(() => onStir(instanceId))
    return { probing: this.#eyes.probing, crashes: this.crashes }
  }

  /** Stops watching. Replicas and routes stay as they are. */
  dispose(): void {
    this.#cancelStir()
    this.#eyes.probing.stop()
    this.#waiters.wake()
  }

  /** A round whose troubles are told and tried again; only a lost lease rejects. */
  async attempt(): Promise<void> {
    try {
      await this.pass()
      this.#starved = false
    } catch (error) {
      if (isSlipwayError(error, 'lease_lost')) throw error
      const starved = isShortage(error)
      // A disk stays full, or too slow, for long, and is told of once.
      if (starved && this.#starved) return
      this.#starved = starved
      this.#parts.onTrouble(this.instanceId, messageOf(error))
    }
  }

  async #round(): Promise<void> {
    await this.#observe()
    const lease = this.#lease
    if (!lease) return
    if (!this.#eyes.observed) {
      // Nothing can be done on a guess.
      this.#foundNothing = true
      return
    }
    if (!this.#routing.known) {
      // What is missing is started whatever the router says; it comes up while the router is asked. Only it knows what serves of one that is held.
      if (!this.held) this.#start(this.#compare(), lease)
      await this.#learnRoutes()
    }
    const { table } = this.#plan
    const moves = this.#compare()
    this.#start(moves, lease)
    const groups = Map.groupBy(moves.stop, replica => replica.service)
    const routed = Promise.withResolvers<boolean>()
    for (const replicas of groups.values()) this.#hands.retire(replicas, routed.promise, this.#plan, lease)
    for (const replica of moves.remove) this.#hands.remove(replica, lease)
    this.#acted = true
    try {
      await this.#routing.use(this.#nextRoutes(moves.weights), lease)
      routed.resolve(true)
    } catch (error) {
      routed.resolve(false)
      throw error
    }
    if (this.#plan.table === table) this.#weightsReached = moves.weightsReached
    this.#foundNothing = actsIn(moves) === 0
  }

  #start(moves: Moves, lease: Lease): void {
    for (const { row, ordinals } of moves.start) {
      this.#acted = true
      const names = this.#hands.start(row, ordinals, this.#plan, lease)
      this.crashes.started(rowKey(row), names)
      this.#healing.started(row, names)
    }
  }

  async #learnRoutes(): Promise<void> {
    await this.#routing.learn(this.#lease?.signal)
    this.#eyes.probing.found(servingIn(this.#routing.basis))
    this.#endWhenAhead()
  }

  async #observe(): Promise<void> {
    const landed = this.#hands.beforeLook()
    try {
      await this.#eyes.look(this.#lease?.signal, gone => {
        landed()
        this.#note(gone)
        this.#endWhenAhead()
      })
    } catch (error) {
      // Nothing is started or stopped on a guess.
      if (!this.#lease?.signal.aborted) this.#parts.onTrouble(this.instanceId, messageOf(error))
      this.#endWhenAhead()
    }
  }

  /** Notes who died since the last look, and how those are that should be at rest. */
  #note(gone: readonly Replica[]): void {
    const { leaving } = this.#hands
    for (const replica of gone) {
      if (leaving.has(replica.id) || !this.crashes.exited(rowKey(replica), replica, replica.exitCode)) continue
      // While something is rolled out, replicas that never came up are the business of its steps.
      if (this.#atRest || this.#eyes.probing.hasServed(replica.id)) this.#healing.died(replica)
    }
    if (this.#atRest) this.#healing.look(this.#plan.table, row => readyOf(row, this.view()))
    this.#eyes.follow(this.#plan)
  }

  /** Nothing moves: it is kept as its table says, or waits for somebody. */
  get #atRest(): boolean {
    return this.#needs === 'healing' || !this.#lease
  }

  #aheadOf(known: number): Ahead | undefined {
    return aheadOf(known, this.#parts.revisions.storeId, this.#eyes.replicas, this.#routing.inUse)
  }

  /** Under a lease nobody else acts, so no epoch that was given with it, or since, must be found before we did anything. */
  #endWhenAhead(): void {
    const lease = this.#lease
    if (!lease || lease.signal.aborted) return
    const known = this.#acted ? lease.claim.epoch : this.#before
    const ahead = this.#aheadOf(known)
    if (!ahead) return
    this.#ahead = ahead
    lease.end(
      new SlipwayError('lease_lost', `Epoch ${ahead.epoch} of instance ${this.instanceId} was found, above ${known}.`),
    )
  }

  #healthChanged(replica: Replica, health: Health): void {
    if (health === 'ready') {
      this.crashes.becameReady(rowKey(replica), replica.name)
      this.#healing.ready(replica)
    }
    this.#waiters.wake()
    if (!this.#lease) this.#parts.onStir(this.instanceId)
  }

  #knowledge(): Knowledge {
    return {
      plan: this.#plan,
      needs: this.#needs,
      replicas: this.#eyes.views(this.#plan),
      leaving: this.#hands.leaving,
      arriving: this.#hands.arriving,
      strangers: this.#eyes.strangers,
      backingOff: row => this.crashes.backingOff(rowKey(row)),
      inUse: this.#routing.basis,
    }
  }

  #compare(): Moves {
    return movesFor(this.#knowledge())
  }

  #nextRoutes(weights: Weights): RouteTable['services'] {
    return routesFor(this.#knowledge(), weights, this.#parts.domain)
  }

  /** How long to wait for a change before looking again, milliseconds: not longer than the next replica takes to settle. */
  #patience(): number {
    const soonest = Math.min(this.#eyes.probing.nextSettleMs(), this.crashes.nextRetryMs(), this.#starved ? 1000 : 250)
    return Math.max(1, Math.ceil(soonest))
  }
}
