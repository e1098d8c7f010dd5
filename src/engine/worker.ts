import type { Claim } from '../deploy/work.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { newId } from '../id.ts'
import { attend } from './attend.ts'
import { Baker } from './baker.ts'
import { Chronicle } from './chronicle.ts'
import type { EngineParts } from './context.ts'
import type { Happening } from './healing.ts'
import { Heart } from './heart.ts'
import type { Keeper } from './keeper.ts'
import { Keepers } from './keepers.ts'
import { holdLease, type Lease } from './lease.ts'
import type { InstancePulse } from './pulse.ts'
import { awakeAtMost, Reconciler } from './reconciler.ts'
import { StrayRoutes } from './stray-routes.ts'
import { TaskRunner } from './task-runner.ts'
import { Waiters } from './waiters.ts'

/** How many instances are claimed at once. */
const batch = 32
/** A claim that took longer, milliseconds, says that the database has enough to do: so many fewer are claimed next. */
const quickMs = 100

/** Performs deployments and keeps what runs running. */
export interface Worker {
  /** There may be something to do: for this instance, or in general. */
  hint(instanceId?: string): void
  /** There may be a one-off task to run, or to stop. */
  hintTasks(): void
  /** What this worker sees of an instance's replicas. */
  keeper(instanceId: string): Promise<Keeper | undefined>
  /** How many instances this worker owns now. */
  readonly leases: number
  /** How an instance was when this worker looked at it last; wakes nobody. */
  pulse(instanceId: string): InstancePulse | undefined
  /** Lets go of everything at a step's boundary or before; replicas and traffic stay as they are. */
  stop(): Promise<void>
}

/** Starts a worker on these parts. */
export async function startWorker(parts: EngineParts): Promise<Worker> {
  const worker = new InstanceWorker(parts)
  await worker.begin()
  return worker
}

class InstanceWorker implements Worker {
  readonly #parts: EngineParts
  readonly #stop = new AbortController()
  readonly #waiters = new Waiters()
  readonly #keepers: Keepers
  readonly #reconciler: Reconciler
  readonly #strays: StrayRoutes
  readonly #leases = new Map<string, Lease>()
  readonly #working = new Set<Promise<void>>()
  readonly #workOn = new Map<string, Promise<void>>()
  readonly #loops: Promise<void>[] = []
  readonly #baker: Baker
  readonly #heart: Heart
  readonly #tasks: TaskRunner
  readonly #chronicle: Chronicle
  readonly #seen = new Set<string>()
  readonly #parked = new Set<string>()
  #unwatch: (() => void)[] = []

  constructor(given: EngineParts) {
    this.#chronicle = new Chronicle(given, newId('wrk'), {
      awake: () => this.#keepers.awake.values(),
      get: id => this.#keepers.awake.get(id),
    })
    const parts = { ...given, onlooker: this.#chronicle.samples }
    this.#parts = parts
    this.#baker = new Baker(parts)
    this.#heart = new Heart(parts, { onLate: () => this.#dropAll(), onAnew: () => this.#waiters.wake() })
    this.#tasks = new TaskRunner(parts, this.#heart, this.#stop.signal)
    this.#strays = new StrayRoutes(parts, this.#stop.signal)
    this.#keepers = new Keepers(parts, {
      onHappening: (instanceId, what) => this.#record(instanceId, what),
      onStir: instanceId => this.#stir(instanceId),
      makeWay: (table, fence) => this.#strays.makeWay(table, fence),
    })
    this.#reconciler = new Reconciler(parts, {
      look: id => this.#look(id),
      restless: () => this.#restless(),
      living: ids => this.#onlyLiving(ids),
    })
  }

  async begin(): Promise<void> {
    await this.#heart.begin()
    for (const provider of this.#parts.providers.list()) {
      const end = provider.watch?.(instanceId => this.#stir(instanceId))
      if (end) this.#unwatch.push(end)
    }
    const end = this.#parts.router.watch?.(() => this.#doubtRoutes())
    if (end) this.#unwatch.push(end)
    this.#strays.look()
    this.#loops.push(
      this.#heart.run(this.#stop.signal),
      this.#claim(),
      this.#reconciler.run(this.#stop.signal),
      this.#tasks.run(),
      this.#chronicle.run(this.#stop.signal),
    )
  }

  /** The router was started again: every instance is compared with it now, not at its next turn. */
  #doubtRoutes(): void {
    this.#strays.look()
    for (const keeper of this.#keepers.awake.values()) keeper.doubtRoutes()
    for (const id of this.#keepers.ids()) if (!this.#leases.has(id)) this.#reconciler.doubt(id)
  }

  get leases(): number {
    return this.#leases.size
  }

  hint(instanceId?: string): void {
    if (instanceId !== undefined) this.#keepers.awake.get(instanceId)?.tell()
    this.#waiters.wake()
  }

  hintTasks(): void {
    this.#tasks.hint()
  }

  async keeper(instanceId: string): Promise<Keeper | undefined> {
    const awake = this.#keepers.awake.get(instanceId)
    if (awake) return awake
    const woken = await this.#keepers.wake(instanceId)
    await woken?.glance()
    return woken
  }

  pulse(instanceId: string): InstancePulse | undefined {
    return this.#chronicle.health.of(instanceId)
  }

  /** Something of an instance changed, or may have. */
  #stir(instanceId: string): void {
    this.#keepers.awake.get(instanceId)?.hint()
    if (!this.#stop.signal.aborted && !this.#leases.has(instanceId)) this.#reconciler.stir(instanceId)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#waiters.wake()
    for (const lease of this.#leases.values()) lease.end()
    await Promise.allSettled(this.#loops)
    await Promise.allSettled(this.#working)
    await this.#strays.idle()
    await this.#baker.stop()
    for (const end of this.#unwatch) end()
    this.#keepers.dispose()
    await this.#heart.stop()
  }

  /** Every lease is lost: all work ends. */
  async #dropAll(): Promise<void> {
    for (const lease of this.#leases.values()) lease.end()
    await Promise.allSettled(this.#working)
  }

  async #claim(): Promise<void> {
    const { store, clock, log } = this.#parts
    let room = batch
    while (!this.#stop.signal.aborted) {
      const mark = this.#waiters.mark()
      try {
        const began = clock.monotonic()
        const claims = await store.work.claimDue(this.#heart.id, room)
        const full = claims.length === room
        for (const claim of claims) this.#attend(claim)
        room = roomAfter(clock.monotonic() - began)
        if (full) continue
        const next = await store.work.nextWake()
        const ms = next === undefined ? 1000 : Math.min(1000, Math.max(1, next - clock.now()))
        await this.#waiters.since(mark, ms, clock, this.#stop.signal)
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'work could not be claimed')
        await this.#pause(200)
      }
    }
  }

  #attend(claim: Claim): void {
    const { store, clock, mask, log, observer } = this.#parts
    // Claimed while we were stopping, or as the worker we were before: removing or replacing that one frees it.
    if (this.#stop.signal.aborted || claim.owner !== this.#heart.id) return
    const identity = this.#heart.identity
    const lease = holdLease(claim, store.storeId, () => this.#heart.validUntil, clock)
    // A lease that was lost without our notice ends before the new one begins.
    const former = this.#workOn.get(claim.instanceId)
    this.#leases.get(claim.instanceId)?.end()
    this.#leases.set(claim.instanceId, lease)
    const work = async (): Promise<void> => {
      await former
      try {
        this.#parked.delete(claim.instanceId)
        await this.#baker.leave(claim.instanceId)
        const keeper = await this.#keepers.wake(claim.instanceId)
        if (!keeper) {
          await store.work.release(claim, null)
          return
        }
        keeper.lend(lease)
        if ((await attend({ parts: this.#parts, keeper, lease })) === 'parked') this.#parked.add(claim.instanceId)
      } catch (error) {
        const lost = lease.signal.aborted || isSlipwayError(error, 'lease_lost')
        if (lost && !this.#stop.signal.aborted) observer?.leaseLost()
        if (!lost) {
          log.warn(
            {
              instance: claim.instanceId,
              error: mask(claim.instanceId, messageOf(error)),
              stack: error instanceof Error ? mask(claim.instanceId, error.stack ?? '') : undefined,
            },
            'the work on an instance failed; it is taken up again',
          )
        }
        await this.#letGo(lease, identity)
      } finally {
        lease.end()
        if (this.#leases.get(claim.instanceId) === lease) this.#leases.delete(claim.instanceId)
      }
    }
    const running = work().finally(() => {
      this.#working.delete(running)
      if (this.#workOn.get(claim.instanceId) === running) this.#workOn.delete(claim.instanceId)
      if (this.#keepers.awake.size > awakeAtMost) this.#reconciler.doubt(claim.instanceId)
    })
    this.#working.add(running)
    this.#workOn.set(claim.instanceId, running)
  }

  /** Frees an instance after an error, to be claimed again after a breath. What can't be written now is written later: nobody else may. */
  async #letGo(lease: Lease, identity: AbortSignal): Promise<void> {
    const { instanceId } = lease.claim
    for (let told = false; ; told = true) {
      try {
        await this.#release(lease)
        return
      } catch (error) {
        if (!told) {
          const data = { instance: instanceId, error: messageOf(error) }
          this.#parts.log.warn(data, 'a lease could not be given back')
        }
      }
      if (identity.aborted || this.#stop.signal.aborted) return
      await this.#pause(250)
    }
  }

  /** Of an epoch whose commit was said to have failed, though it is on disk, only the row knows. */
  async #release(lease: Lease): Promise<void> {
    const { store, clock } = this.#parts
    const { claim } = lease
    const wakeAt = clock.now() + 250
    if (await store.work.release(claim, wakeAt)) return
    const record = await store.work.load(claim.instanceId)
    // Ours, but not by a later claim.
    if (record?.owner !== claim.owner || this.#leases.get(claim.instanceId) !== lease) return
    await store.work.release({ ...claim, epoch: record.epoch }, wakeAt)
  }

  /** Looks at an instance whose lease is free, and claims it when table and world differ. */
  async #look(instanceId: string): Promise<void> {
    if (this.#leases.has(instanceId)) return
    const keeper = await this.#keepers.wake(instanceId)
    if (!keeper || this.#leases.has(instanceId)) return
    if (!keeper.held && (this.#parked.has(instanceId) || !this.#seen.has(instanceId))) {
      await this.#baker.join(instanceId, keeper)
      // One that the control plane before us parked is ours from now on: it is joined again when it could not be judged.
      if (this.#baker.has(instanceId)) this.#parked.add(instanceId)
    }
    // Claimed while it joined, too early for the one who claimed it to know: they watch.
    if (this.#leases.has(instanceId)) await this.#baker.leave(instanceId)
    this.#seen.add(instanceId)
    const differs = await keeper.differs()
    this.#chronicle.health.look(keeper)
    if (this.#leases.has(instanceId) || this.#stop.signal.aborted) return
    this.#keepers.putLast(instanceId)
    if (!differs) return this.#mayRest(instanceId, keeper)
    const claim = await this.#parts.store.work.claim(this.#heart.id, instanceId)
    if (claim) this.#attend(claim)
  }

  /** A keeper with nothing to do sleeps when many others are awake. */
  #mayRest(instanceId: string, keeper: Keeper): void {
    if (this.#keepers.awake.size <= awakeAtMost || this.#workOn.has(instanceId) || this.#baker.has(instanceId)) return
    if (keeper.calm) this.#keepers.sleep(instanceId)
  }

  /** Those that were deleted are kept no longer. */
  #onlyLiving(living: readonly string[]): void {
    const known = new Set(living)
    for (const id of this.#keepers.ids()) {
      if (known.has(id) || this.#leases.has(id)) continue
      this.#keepers.forget(id)
      this.#chronicle.health.forget(id)
      this.#seen.delete(id)
      this.#parked.delete(id)
    }
  }

  *#restless(): Generator<string> {
    for (const id of this.#keepers.awake.keys()) if (!this.#leases.has(id)) yield id
  }

  #record(instanceId: string, what: Happening): void {
    const { store, log, onCommit } = this.#parts
    const tell = async (): Promise<void> => {
      const record = await store.work.load(instanceId)
      if (!record) return
      await store.events.append({ ...what, tenantId: record.instance.tenantId, instanceId })
      onCommit()
    }
    tell().catch(error => log.warn({ instance: instanceId, ...what, error: messageOf(error) }, 'it was not recorded'))
  }

  async #pause(ms: number): Promise<void> {
    try {
      await this.#parts.clock.sleep(ms, this.#stop.signal)
    } catch (error) {
      void error // stopped: the loop sees its signal
    }
  }
}

/** How many instances may be claimed next, when the last claim took so long. */
function roomAfter(tookMs: number): number {
  return Math.max(1, Math.min(batch, Math.floor((batch * quickMs) / Math.max(1, tookMs))))
}
