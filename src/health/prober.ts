import { after, type Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { ProbeAnswer, Replica } from '../provider/provider.ts'
import { type Answer, type AnswerLog, answerLog } from './answer.ts'
import { nextGapMs } from './cadence.ts'
import { checkDefaults, type Health, type HealthCheck } from './check.ts'
import type { ProbePace } from './pace.ts'
import { checkedAddress, type ProbeProvider, probe } from './probe.ts'
import { type Threshold, threshold } from './threshold.ts'

/** What a prober watches, and how. */
export interface ProberOptions {
  readonly replica: Replica
  /** The service's own check. Absent: TCP on the first port of a routed service; a worker is ready while it runs. */
  readonly check?: HealthCheck
  readonly routed: boolean
  readonly provider: ProbeProvider
  readonly clock: Clock
  /** Shares what probes cost with other probers. Default: its check's own interval. */
  readonly pace?: ProbePace
  /** Told after `health` changed, never from within a call to the prober. */
  readonly onChange?: (health: Health) => void
}

/** Watches the health of one replica until it is stopped. */
export interface Prober {
  readonly health: Health
  /** Monotonic milliseconds since when it is ready without having been seen unready. */
  readonly readySince: number | undefined
  /** The last few different answers, oldest first. */
  readonly answers: readonly Answer[]
  readonly stopped: boolean
  /** The replica as last observed; set it when that changes. */
  replica: Replica
  /** Whether it has been ready for so long that it counts. */
  settled(minHealthyMs: number): boolean
  /** Asks at once, or waits for the answer that is on its way. */
  probeNow(): Promise<Health>
  stop(): void
}

/**
 * Starts to watch a replica. One timer that keeps no process alive, and never two probes at once, so thousands are cheap.
 *
 * @example
 * const prober = startProber({ replica, check: { type: 'http', path: '/healthz' }, routed: true, provider, clock, onChange: wake })
 */
export function startProber(options: ProberOptions): Prober {
  return new ReplicaProber(options)
}

/** A class, for there may be tens of thousands: its methods are there once. */
class ReplicaProber implements Prober {
  readonly #options: Omit<ProberOptions, 'replica'>
  readonly #check: HealthCheck | undefined
  readonly #startedAt: number
  readonly #answers: AnswerLog
  readonly #state: Threshold
  #replica: Replica
  #stopped = false
  #readySince: number | undefined
  #gapMs = 0
  #phase: number
  #cancelNext: (() => void) | undefined
  #underWay: Promise<void> | undefined
  /** Ends the probe that is under way. */
  #ended: AbortController | undefined

  constructor({ replica, ...options }: ProberOptions) {
    this.#options = options
    this.#check = options.check ?? (options.routed ? { type: 'tcp' } : undefined)
    this.#startedAt = options.clock.monotonic()
    this.#answers = answerLog(options.clock)
    this.#state = threshold(this.#check)
    this.#replica = replica
    this.#phase = options.pace?.nextPhase() ?? 1
    options.pace?.enter()
    void this.#begin()
  }

  get health(): Health {
    return this.#state.health
  }

  get readySince(): number | undefined {
    return this.#readySince
  }

  get answers(): readonly Answer[] {
    return this.#answers.last
  }

  get stopped(): boolean {
    return this.#stopped
  }

  get replica(): Replica {
    return this.#replica
  }

  set replica(observed: Replica) {
    const changed = observed.state !== this.#replica.state
    this.#replica = observed
    if (!changed || this.#check || this.#stopped) return
    void (this.#underWay ? this.#underWay.then(() => this.#begin()) : this.#begin())
  }

  settled(minHealthyMs: number): boolean {
    if (this.health !== 'ready' || this.#readySince === undefined) return false
    return this.#options.clock.monotonic() - this.#readySince >= minHealthyMs
  }

  async probeNow(): Promise<Health> {
    if (!this.#stopped) await this.#begin()
    return this.health
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#options.pace?.leave()
    this.#cancelNext?.()
    this.#ended?.abort()
  }

  #begin(): Promise<void> {
    this.#cancelNext?.()
    this.#cancelNext = undefined
    this.#underWay ??= this.#round().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  async #round(): Promise<void> {
    const seen = await this.#look()
    if (this.#stopped) return
    this.#take(seen)
    const check = this.#check
    if (!check) return
    const { clock } = this.#options
    this.#gapMs = nextGapMs({
      health: this.health,
      answered: seen.kind,
      gapMs: this.#gapMs,
      check,
      sinceMs: clock.monotonic() - this.#startedAt,
    })
    this.#cancelNext = after(clock, this.#paced(this.#gapMs, check), () => void this.#begin())
  }

  async #look(): Promise<{ kind: Health; text: string }> {
    if (!this.#check) return whileRunning(this.#replica)
    const { provider, clock } = this.#options
    this.#ended = new AbortController()
    try {
      const { signal } = this.#ended
      const answer = await probe({ replica: this.#replica, check: this.#check, provider, clock, signal })
      return kindOf(answer.ok && this.#state.aboutToBeReady ? await this.#unlessStranger(answer, this.#check) : answer)
    } catch (error) {
      return { kind: 'unknown', text: messageOf(error) }
    } finally {
      this.#ended = undefined
    }
  }

  /** A stranger that sits on the port answers just as well; asked once, when it would become ready. */
  async #unlessStranger(answer: ProbeAnswer, check: HealthCheck): Promise<ProbeAnswer> {
    const { provider } = this.#options
    const address = checkedAddress(this.#replica, check)
    if (!address || provider.probe || !provider.owns || (await provider.owns(this.#replica, address.port)))
      return answer
    return { ok: false, text: `another program answers on port ${address.port}` }
  }

  #take({ kind, text }: { kind: Health; text: string }): void {
    this.#answers.add(kind === 'ready', text)
    if (!this.#state.take(kind)) return
    // What could not be asked was not seen unready: it goes on from where it was once it answers again.
    if (this.health === 'ready') this.#readySince ??= this.#options.clock.monotonic()
    if (this.health === 'unready') this.#readySince = undefined
    this.#options.onChange?.(this.health)
  }

  /** A ready one waits only a part of its interval the first time, so that those that became ready together are not asked together for ever. */
  #paced(gapMs: number, check: HealthCheck): number {
    const { pace } = this.#options
    if (!pace || this.health !== 'ready' || gapMs < (check.intervalMs ?? checkDefaults.intervalMs)) return gapMs
    const share = this.#phase
    this.#phase = 1
    return Math.ceil(share * pace.stretched(gapMs))
  }
}

function kindOf({ ok, text }: ProbeAnswer): { kind: Health; text: string } {
  return { kind: ok ? 'ready' : 'unready', text }
}

function whileRunning({ state, exitCode }: Replica): { kind: Health; text: string } {
  switch (state) {
    case 'running':
      return { kind: 'ready', text: 'running' }
    case 'unknown':
      return { kind: 'unknown', text: 'the platform does not say' }
    case 'starting':
    case 'stopping':
      return { kind: 'unready', text: state }
    case 'exited':
    default:
      return { kind: 'unready', text: exitCode === undefined ? 'exited' : `exited with ${exitCode}` }
  }
}
