import { inTime } from '../abort.ts'
import { after, type Clock } from '../clock.ts'
import type { Specs } from '../deploy/draft.ts'
import type { Row, Table, Weights } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import type { Health } from '../health/check.ts'
import type { ProbePace } from '../health/pace.ts'
import type { Provider, Replica } from '../provider/provider.ts'
import type { Router, RouteTable } from '../router/router.ts'
import { type Ahead, aheadOf } from './ahead.ts'
import { Blueprint } from './blueprint.ts'
import { actsIn, type Knowledge, movesFor, type Needs, routesFor } from './compare.ts'
import { Crashes } from './crashes.ts'
import { livingOf, type Moves, type ReplicaView, readyOf, rowKey } from './difference.ts'
import { Hands } from './hands.ts'
import { type Happening, Healing } from './healing.ts'
import type { Lease } from './lease.ts'
import { Probing } from './probing.ts'
import type { SpecSource } from './revisions.ts'
import { Routing, servingIn } from './routing.ts'
import { Waiters } from './waiters.ts'

/** How many looks at an instance at rest go by before the router is asked again what it uses: it may have forgotten. */
const asksRouterEvery = 5
/** The longest that a first look waits for answers, milliseconds. */
const acquaintMs = 2000
/** The longest that a look at the platform or the router may take, milliseconds: one that hangs is one that does not answer. */
const answerMs = 5000

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
  /** Shares what probes may cost between all instances. */
  readonly pace: ProbePace
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
  /** Whether something that is wanted could not be done lately because a disk is full. */
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
  readonly #probing: Probing
  readonly #hands: Hands
  readonly #routing: Routing
  readonly #healing: Healing
  #plan: Blueprint
  #needs: Needs = 'healing'
  #replicas: Replica[] = []
  /** Names that replicas of other stores have: never counted, never touched, and not free either. */
  #strangers: ReadonlySet<string> = new Set()
  #looked = 0
  #seen = 0
  #observed = false
  /** Whether anything was begun under this lease. */
  #acted = false
  #ahead: Ahead | undefined
  #cancelStir = (): void => void 0
  /** The last routes that were found while it is held: there is no table to make them from when the router loses them. */
  #foundRoutes: RouteTable['services'] = {}
  #lease: Lease | undefined
  #looks = 0
  #weightsReached = false
  #foundNothing = false
  #starved = false
  #passing: Promise<void> | undefined
  #again: Promise<void> | undefined

  constructor(record: InstanceRecord, specs: Specs, parts: KeeperParts, memory?: Memory) {
    this.instanceId = record.instance.id
    this.#plan = new Blueprint(record, specs)
    this.#parts = parts
    this.crashes = memory?.crashes ?? new Crashes(parts.clock)
    this.#routing = new Routing(parts.router, this.instanceId, parts.revisions.storeId)
    this.#healing = new Healing(this.crashes, what => parts.onHappening(this.instanceId, what))
    this.#hands = new Hands(this.instanceId, parts, this.crashes, {
      wake: () => this.#waiters.wake(),
      observe: () => this.#observe(),
    })
    this.#probing = memory?.probing ?? new Probing(parts)
    this.#probing.tell((replica, health) => this.#healthChanged(replica, health))
    this.#replicas = this.#probing.replicas
  }

  /** Takes up what the store says now. */
  refresh(record: InstanceRecord, specs: Specs): void {
    // What was wanted before may still run, and has to be described until it is gone.
    const before = this.#plan.table.map(row => [row.release, this.#plan.specs[row.release] ?? []] as const)
    this.#plan = new Blueprint(record, { ...Object.fromEntries(before), ...specs })
    this.#syncProbers()
    this.#waiters.wake()
  }

  /** Acts from now on, under this lease. What the router uses is asked anew, for only what was observed after the claim counts. */
  lend(lease: Lease): void {
    this.#lease = lease
    this.#acted = false
    this.#ahead = undefined
    this.#hands.lend(lease)
    this.#routing.beginLease()
    this.#weightsReached = false
    this.#observed = false
    // Nor a look that is under way.
    this.#seen = this.#looked + 1
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
    this.#syncProbers()
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

  get providerName(): string {
    return this.#parts.provider.name
  }

  get policies(): InstanceRecord['instance']['policies'] {
    return this.#plan.record.instance.policies
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
      replicas: this.#views(),
      leaving: this.#hands.leaving,
      weightsReached: this.#weightsReached,
      observed: this.#observed,
      starved: this.#starved || this.#plan.table.some(row => this.startFailure(row)?.code === 'disk_full'),
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

  /** Looks once, so that what it sees is of now. */
  async glance(): Promise<void> {
    await this.#observe()
  }

  /** Looks once, without acting, and says whether somebody should act. */
  async differs(): Promise<boolean> {
    await this.#observe()
    if (!this.#observed) return false
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
    const ms = Math.min(this.crashes.nextRetryMs(), this.#probing.nextSettleMs())
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

  /**
   * Whether all is as wanted, so that nothing has to be looked at again before something changes, and nothing was found out that can't be
   * read again.
   */
  get calm(): boolean {
    if (this.#lease || this.held || !this.#observed || !this.#routing.known) return false
    const waits = Math.min(this.crashes.nextRetryMs(), this.#probing.nextSettleMs())
    return this.#hands.idle && this.#healing.idle && waits === Number.POSITIVE_INFINITY
  }

  /** Lets go of everything but the probes, which go on. Another keeper goes on from what is returned. */
  sleep(): Memory {
    const { onStir } = this.#parts
    const { instanceId } = this
    this.#cancelStir()
    this.#probing.tell(() => onStir(instanceId))
    return { probing: this.#probing, crashes: this.crashes }
  }

  /** Stops watching. Replicas and routes stay as they are. */
  dispose(): void {
    this.#cancelStir()
    this.#probing.stop()
    this.#waiters.wake()
  }

  /** A round whose troubles are told and tried again; only a lost lease rejects. */
  async attempt(): Promise<void> {
    try {
      await this.pass()
      this.#starved = false
    } catch (error) {
      if (isSlipwayError(error, 'lease_lost')) throw error
      const starved = isSlipwayError(error, 'disk_full')
      // A disk stays full for long, and is told of once.
      if (starved && this.#starved) return
      this.#starved = starved
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
    if (!this.#routing.known) {
      // What is missing is started whatever the router says; it comes up while the router is asked. Only it knows what serves of one that is held.
      if (!this.held) this.#start(this.#compare(), lease)
      await this.#learnRoutes()
    }
    const { table } = this.#plan
    const moves = this.#compare()
    this.#start(moves, lease)
    const groups = Map.groupBy(moves.stop, replica => replica.service)
    const [released, release] = gate()
    for (const replicas of groups.values()) this.#hands.retire(replicas, released, this.#plan, lease)
    for (const replica of moves.remove) this.#hands.remove(replica, lease)
    this.#acted = true
    try {
      await this.#routing.use(this.#nextRoutes(moves.weights), lease)
      release(true)
    } catch (error) {
      release(false)
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
    const { clock } = this.#parts
    const patience = { who: 'The router', ms: answerMs, clock, signal: this.#lease?.signal }
    await inTime(patience, signal => this.#routing.learn(signal))
    if (Object.keys(this.#routing.services).length > 0) this.#foundRoutes = this.held ? this.#routing.services : {}
    this.#probing.found(servingIn(this.#routesInUse))
    this.#endWhenAhead()
  }

  async #observe(): Promise<void> {
    const landed = this.#hands.beforeLook()
    const look = ++this.#looked
    const { provider, clock, revisions } = this.#parts
    const patience = { who: `The provider "${provider.name}"`, ms: answerMs, clock, signal: this.#lease?.signal }
    try {
      const there = await inTime(patience, signal => provider.observe(this.instanceId, signal))
      // Of two looks at once the one that began later knows better.
      if (look < this.#seen) return
      this.#seen = look
      this.#observed = true
      landed()
      this.#strangers = new Set(there.filter(one => one.storeId !== revisions.storeId).map(({ name }) => name))
      this.#take(there.filter(one => one.storeId === revisions.storeId))
    } catch (error) {
      // Unreachable is unknown, never gone: what was seen last stays, and nothing is started or stopped on a guess.
      if (look >= this.#seen) this.#observed = false
      if (!this.#lease?.signal.aborted) this.#parts.onTrouble(this.instanceId, messageOf(error))
    }
    this.#syncProbers()
    this.#endWhenAhead()
  }

  /** Takes over what was observed, and notes who died since the last look. */
  #take(there: readonly Replica[]): void {
    const { leaving } = this.#hands
    const ids = new Set(there.map(({ id }) => id))
    const vanished = this.#replicas.filter(
      ({ id, state }) => !ids.has(id) && !leaving.has(id) && state !== 'exited' && state !== 'stopping',
    )
    const exited = there.filter(({ id, state }) => state === 'exited' && !leaving.has(id))
    for (const replica of [...vanished, ...exited]) {
      if (!this.crashes.exited(rowKey(replica), replica, replica.exitCode)) continue
      // While something is rolled out, replicas that never came up are the business of its steps.
      if (this.#atRest || this.#probing.hasServed(replica.id)) this.#healing.died(replica)
    }
    this.#replicas = [...there]
    if (this.#atRest) this.#healing.look(this.#plan.table, row => readyOf(row, this.view()))
  }

  /** Nothing moves: it is kept as its table says, or waits for somebody. */
  get #atRest(): boolean {
    return this.#needs === 'healing' || !this.#lease
  }

  #aheadOf(known: number): Ahead | undefined {
    return aheadOf(known, this.#parts.revisions.storeId, this.#replicas, this.#routing.inUse)
  }

  /** Under a lease nobody else acts, so the epoch that was given with it must not be found before we did anything. */
  #endWhenAhead(): void {
    const lease = this.#lease
    if (!lease || lease.signal.aborted) return
    const { epoch } = lease.claim
    const ahead = this.#aheadOf(this.#acted ? epoch : epoch - 1)
    if (!ahead) return
    this.#ahead = ahead
    lease.end(
      new SlipwayError('lease_lost', `Epoch ${ahead.epoch} of instance ${this.instanceId} was found, above ${epoch}.`),
    )
  }

  #syncProbers(): void {
    this.#probing.sync(this.#replicas, replica => this.#plan.checkOf(replica))
  }

  #healthChanged(replica: Replica, health: Health): void {
    if (health === 'ready') {
      this.crashes.becameReady(rowKey(replica), replica.name)
      this.#healing.ready(replica)
    }
    this.#waiters.wake()
    if (!this.#lease) this.#parts.onStir(this.instanceId)
  }

  #views(): ReplicaView[] {
    return this.#replicas.map(replica => ({
      replica,
      health: this.#probing.healthOf(replica.id) ?? (this.held ? 'unknown' : 'unready'),
      serving: this.#probing.serving(replica.id),
      settled: this.#probing.settled(replica.id),
    }))
  }

  #knowledge(): Knowledge {
    return {
      plan: this.#plan,
      needs: this.#needs,
      replicas: this.#views(),
      leaving: this.#hands.leaving,
      arriving: this.#hands.arriving,
      strangers: this.#strangers,
      backingOff: row => this.crashes.backingOff(rowKey(row)),
      inUse: this.#routesInUse,
    }
  }

  #compare(): Moves {
    return movesFor(this.#knowledge())
  }

  #nextRoutes(weights: Weights): RouteTable['services'] {
    return routesFor(this.#knowledge(), weights, this.#parts.domain)
  }

  get #routesInUse(): RouteTable['services'] {
    const { services } = this.#routing
    return this.held && Object.keys(services).length === 0 ? this.#foundRoutes : services
  }

  /** How long to wait for a change before looking again, milliseconds: not longer than the next replica takes to settle. */
  #patience(): number {
    const soonest = Math.min(this.#probing.nextSettleMs(), this.crashes.nextRetryMs(), this.#starved ? 1000 : 250)
    return Math.max(1, Math.ceil(soonest))
  }
}

/** A promise and what resolves it. */
function gate(): [Promise<boolean>, (value: boolean) => void] {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  return [promise, resolve]
}
