import { after, type Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { ProbeAnswer, Replica } from '../provider/provider.ts'
import { type Answer, answerLog } from './answer.ts'
import { nextGapMs } from './cadence.ts'
import type { Health, HealthCheck } from './check.ts'
import { checkedAddress, type ProbeProvider, probe } from './probe.ts'
import { threshold } from './threshold.ts'

/** What a prober watches, and how. */
export interface ProberOptions {
  readonly replica: Replica
  /** The service's own check. Absent: TCP on the first port of a routed service; a worker is ready while it runs. */
  readonly check?: HealthCheck
  readonly routed: boolean
  readonly provider: ProbeProvider
  readonly clock: Clock
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
  const { provider, clock, onChange } = options
  const check: HealthCheck | undefined = options.check ?? (options.routed ? { type: 'tcp' } : undefined)
  const ended = new AbortController()
  const startedAt = clock.monotonic()
  const answers = answerLog(clock)
  let replica = options.replica
  const state = threshold(check)
  let readySince: number | undefined
  let gapMs = 0
  let cancelNext = () => {}
  let underWay: Promise<void> | undefined

  const look = async (): Promise<{ kind: Health; text: string }> => {
    try {
      if (!check) return whileRunning(replica)
      const answer = await probe({ replica, check, provider, clock, signal: ended.signal })
      return kindOf(answer.ok && state.aboutToBeReady ? await unlessStranger(answer, check) : answer)
    } catch (error) {
      return { kind: 'unknown', text: messageOf(error) }
    }
  }
  /** A stranger that sits on the port answers just as well; asked once, when it would become ready. */
  const unlessStranger = async (answer: ProbeAnswer, check: HealthCheck): Promise<ProbeAnswer> => {
    const address = checkedAddress(replica, check)
    if (!address || provider.probe || !provider.owns || (await provider.owns(replica, address.port))) return answer
    return { ok: false, text: `another program answers on port ${address.port}` }
  }

  const take = ({ kind, text }: { kind: Health; text: string }) => {
    answers.add(kind === 'ready', text)
    if (!state.take(kind)) return
    // What could not be asked was not seen unready: it goes on from where it was once it answers again.
    if (state.health === 'ready') readySince ??= clock.monotonic()
    if (state.health === 'unready') readySince = undefined
    onChange?.(state.health)
  }

  const round = async () => {
    const seen = await look()
    if (ended.signal.aborted) return
    take(seen)
    if (!check) return
    gapMs = nextGapMs({
      health: state.health,
      answered: seen.kind,
      gapMs,
      check,
      sinceMs: clock.monotonic() - startedAt,
    })
    cancelNext = after(clock, gapMs, () => void begin())
  }
  const begin = (): Promise<void> => {
    cancelNext()
    underWay ??= round().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  void begin()
  return {
    get health() {
      return state.health
    },
    get readySince() {
      return readySince
    },
    get answers() {
      return answers.last
    },
    get stopped() {
      return ended.signal.aborted
    },
    get replica() {
      return replica
    },
    set replica(observed) {
      const changed = observed.state !== replica.state
      replica = observed
      if (changed && !check && !ended.signal.aborted) void (underWay ? underWay.then(begin) : begin())
    },
    settled: minHealthyMs =>
      state.health === 'ready' && readySince !== undefined && clock.monotonic() - readySince >= minHealthyMs,
    async probeNow() {
      if (!ended.signal.aborted) await begin()
      return state.health
    },
    stop() {
      cancelNext()
      ended.abort()
    },
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
