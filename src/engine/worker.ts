import type { Claim } from '../deploy/work.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { newId } from '../id.ts'
import { attend } from './attend.ts'
import { Baker } from './baker.ts'
import { type EngineParts, specsOf } from './context.ts'
import type { Happening } from './healing.ts'
import { Keeper } from './keeper.ts'
import { beatMs, holdLease, type Lease, leaseTtlMs } from './lease.ts'
import { Waiters } from './waiters.ts'

/** How often an instance that nobody owns is looked at, milliseconds. */
const lookMs = 1000
/** How long a look is waited for before the next instance is looked at, milliseconds. */
const leaveMs = 100
/** How many instances are claimed at once. */
const batch = 32

/** Performs deployments and keeps what runs running. */
export interface Worker {
  /** There may be something to do: for this instance, or in general. */
  hint(instanceId?: string): void
  /** What this worker sees of an instance's replicas. */
  keeper(instanceId: string): Promise<Keeper | undefined>
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
  /** Woken when instances have to be looked at before their time. */
  readonly #looks = new Waiters()
  readonly #keepers = new Map<string, Keeper>()
  readonly #leases = new Map<string, Lease>()
  readonly #working = new Set<Promise<void>>()
  readonly #workOn = new Map<string, Promise<void>>()
  readonly #loops: Promise<void>[] = []
  readonly #baker: Baker
  readonly #seen = new Set<string>()
  readonly #parked = new Set<string>()
  readonly #looking = new Set<string>()
  readonly #lookAgain = new Set<string>()
  #id = newId('wrk')
  /** Aborted when it begins again under another id, which frees what this one had. */
  #identity = new AbortController()
  #validUntil = 0
  #beatAt = 0
  #unwatch: (() => void)[] = []

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#baker = new Baker(parts)
  }

  async begin(): Promise<void> {
    await this.#register()
    for (const provider of this.#parts.providers.list()) {
      const end = provider.watch?.(instanceId => this.#stir(instanceId))
      if (end) this.#unwatch.push(end)
    }
    const end = this.#parts.router.watch?.(() => this.#doubtRoutes())
    if (end) this.#unwatch.push(end)
    this.#loops.push(this.#beat(), this.#claim(), this.#reconcile())
  }

  /** The router was started again: every instance is compared with it now, not at its next turn. */
  #doubtRoutes(): void {
    for (const keeper of this.#keepers.values()) keeper.doubtRoutes()
    this.#looks.wake()
  }

  hint(instanceId?: string): void {
    if (instanceId !== undefined) this.#keepers.get(instanceId)?.tell()
    this.#waiters.wake()
  }

  async keeper(instanceId: string): Promise<Keeper | undefined> {
    const known = this.#keepers.get(instanceId)
    if (known) return known
    const record = await this.#parts.store.work.load(instanceId)
    if (!record || record.instance.state === 'deleted') return undefined
    const runs = await this.#parts.store.work.queue(instanceId)
    const specs = await specsOf(this.#parts.store, record, runs)
    const raced = this.#keepers.get(instanceId)
    if (raced) return raced
    const { providers, router, clock, domain, revisions, mask, log } = this.#parts
    const made = new Keeper(record, specs, {
      provider: providers.get(record.instance.provider),
      router,
      clock,
      domain,
      revisions,
      onTrouble: (instance, message) =>
        log.warn({ instance, message: mask(instance, message) }, 'could not be done; it will be tried again'),
      onHappening: (instance, what) => this.#record(instance, what),
      onStir: instance => this.#stir(instance),
    })
    this.#keepers.set(instanceId, made)
    return made
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#waiters.wake()
    for (const lease of this.#leases.values()) lease.end()
    await Promise.allSettled(this.#loops)
    await Promise.allSettled(this.#working)
    await this.#baker.stop()
    for (const end of this.#unwatch) end()
    for (const keeper of this.#keepers.values()) keeper.dispose()
    try {
      await this.#parts.store.work.removeWorker(this.#id)
    } catch (error) {
      // Whoever opens the store next takes what this worker had.
      this.#parts.log.warn({ worker: this.#id, error: messageOf(error) }, 'the worker could not sign off')
    }
  }

  async #register(): Promise<void> {
    const { clock, store } = this.#parts
    const [began, at] = [clock.monotonic(), clock.now()]
    await store.work.registerWorker(this.#id)
    this.#validUntil = began + leaseTtlMs
    this.#beatAt = at
  }

  async #beat(): Promise<void> {
    const { clock, store, log } = this.#parts
    while (!this.#stop.signal.aborted) {
      await this.#pause(beatMs)
      if (this.#stop.signal.aborted) return
      const [began, at] = [clock.monotonic(), clock.now()]
      // The monotonic clock stands still while a machine sleeps, and the store counts in wall time.
      const late = began >= this.#validUntil || at - this.#beatAt >= leaseTtlMs
      try {
        // A heart that stopped for too long does not go on under the old leases: others may own them by now.
        if (!late && (await store.work.beat(this.#id))) {
          this.#validUntil = began + leaseTtlMs
          this.#beatAt = at
        } else await this.#startOver()
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'the heartbeat could not be written')
      }
    }
  }

  /** Every lease is lost: drop all work, and begin again as a new worker. */
  async #startOver(): Promise<void> {
    this.#parts.log.warn({ worker: this.#id }, 'the heartbeat came too late; all leases are given up and claimed anew')
    this.#identity.abort()
    for (const lease of this.#leases.values()) lease.end()
    await Promise.allSettled(this.#working)
    this.#id = newId('wrk')
    this.#identity = new AbortController()
    await this.#register()
    this.#waiters.wake()
  }

  async #claim(): Promise<void> {
    const { store, clock, log } = this.#parts
    while (!this.#stop.signal.aborted) {
      const mark = this.#waiters.mark()
      try {
        const claims = await store.work.claimDue(this.#id, batch)
        for (const claim of claims) this.#attend(claim)
        if (claims.length === batch) continue
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
    const { store, clock, mask, log } = this.#parts
    // Claimed while we were stopping, or as the worker we were before: removing or replacing that one frees it.
    if (this.#stop.signal.aborted || claim.owner !== this.#id) return
    const identity = this.#identity.signal
    const lease = holdLease(claim, store.storeId, () => this.#validUntil, clock)
    // A lease that was lost without our notice ends before the new one begins.
    const former = this.#workOn.get(claim.instanceId)
    this.#leases.get(claim.instanceId)?.end()
    this.#leases.set(claim.instanceId, lease)
    const work = async (): Promise<void> => {
      await former
      try {
        this.#parked.delete(claim.instanceId)
        await this.#baker.leave(claim.instanceId)
        const keeper = await this.keeper(claim.instanceId)
        if (!keeper) {
          await store.work.release(claim, null)
          return
        }
        keeper.lend(lease)
        if ((await attend({ parts: this.#parts, keeper, lease })) === 'parked') this.#parked.add(claim.instanceId)
      } catch (error) {
        if (!lease.signal.aborted && !isSlipwayError(error, 'lease_lost')) {
          log.warn(
            {
              instance: claim.instanceId,
              error: mask(claim.instanceId, messageOf(error)),
              stack: error instanceof Error ? mask(claim.instanceId, error.stack ?? '') : undefined,
            },
            'the work on an instance failed; it is taken up again',
          )
        }
        await this.#letGo(claim, identity)
      } finally {
        lease.end()
        if (this.#leases.get(claim.instanceId) === lease) this.#leases.delete(claim.instanceId)
      }
    }
    const running = work().finally(() => {
      this.#working.delete(running)
      if (this.#workOn.get(claim.instanceId) === running) this.#workOn.delete(claim.instanceId)
    })
    this.#working.add(running)
    this.#workOn.set(claim.instanceId, running)
  }

  /** Frees an instance after an error, to be claimed again after a breath. What can't be written now is written later: nobody else may. */
  async #letGo(claim: Claim, identity: AbortSignal): Promise<void> {
    for (let told = false; ; told = true) {
      try {
        await this.#parts.store.work.release(claim, this.#parts.clock.now() + 250)
        return
      } catch (error) {
        if (!told) {
          const data = { instance: claim.instanceId, error: messageOf(error) }
          this.#parts.log.warn(data, 'a lease could not be given back')
        }
      }
      if (identity.aborted || this.#stop.signal.aborted) return
      await this.#pause(250)
    }
  }

  /** Watches every instance whose lease is free, and claims it when table and world differ. */
  async #reconcile(): Promise<void> {
    const { store, log } = this.#parts
    while (!this.#stop.signal.aborted) {
      const mark = this.#looks.mark()
      try {
        const living = await store.work.living()
        const known = new Set(living)
        for (const [id, keeper] of this.#keepers) {
          if (known.has(id) || this.#leases.has(id)) continue
          keeper.dispose()
          this.#keepers.delete(id)
          this.#seen.delete(id)
        }
        await this.#parts.router.check(this.#stop.signal)
        for (const id of living) {
          if (this.#stop.signal.aborted) return
          // One whose platform hangs holds no other up.
          if (!this.#leases.has(id)) await Promise.race([this.#lookAt(id), this.#pause(leaveMs)])
        }
      } catch (error) {
        if (this.#stop.signal.aborted) return
        log.warn({ error: messageOf(error) }, 'the instances could not be looked at')
      }
      await this.#looks.since(mark, lookMs, this.#parts.clock, this.#stop.signal)
    }
  }

  async #look(instanceId: string): Promise<void> {
    const keeper = await this.keeper(instanceId)
    if (!keeper || this.#leases.has(instanceId)) return
    if (!keeper.held && (this.#parked.has(instanceId) || !this.#seen.has(instanceId)))
      await this.#baker.join(instanceId, keeper)
    this.#seen.add(instanceId)
    if (!(await keeper.differs()) || this.#leases.has(instanceId)) return
    const claim = await this.#parts.store.work.claim(this.#id, instanceId)
    if (claim) this.#attend(claim)
  }

  /** Something changed about an instance that nobody owns: it is looked at now, not when its turn comes. */
  #stir(instanceId: string): void {
    this.#keepers.get(instanceId)?.hint()
    if (this.#stop.signal.aborted || this.#leases.has(instanceId)) return
    void this.#lookAt(instanceId)
  }

  /** Looks at an instance, once at a time; what comes meanwhile is looked at after it. */
  async #lookAt(instanceId: string): Promise<void> {
    if (this.#looking.has(instanceId)) {
      this.#lookAgain.add(instanceId)
      return
    }
    this.#looking.add(instanceId)
    try {
      do {
        this.#lookAgain.delete(instanceId)
        await this.#look(instanceId)
      } while (this.#lookAgain.has(instanceId) && !this.#stop.signal.aborted)
    } catch (error) {
      const { mask, log } = this.#parts
      if (!this.#stop.signal.aborted)
        log.warn(
          { instance: instanceId, error: mask(instanceId, messageOf(error)) },
          'an instance could not be looked at',
        )
    } finally {
      this.#looking.delete(instanceId)
      this.#lookAgain.delete(instanceId)
    }
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
