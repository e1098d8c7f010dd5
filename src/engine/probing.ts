import type { Clock } from '../clock.ts'
import { after } from '../clock.ts'
import { canonicalJson } from '../deploy/revision.ts'
import type { Health, HealthCheck } from '../health/check.ts'
import { checkDefaults } from '../health/check.ts'
import type { ProbePace } from '../health/pace.ts'
import { type Prober, startProber } from '../health/prober.ts'
import { isRouted, type ServiceSnapshot } from '../instance/service.ts'
import type { Provider, Replica } from '../provider/provider.ts'

/** How long a replica that was ready under its old check has to become so under a new one, milliseconds. */
const changeoverMs = 5000

interface Probed {
  prober: Prober
  readonly key: string
  readonly check: HealthCheck | undefined
  /** Whether it was seen ready since we watch it. */
  wasReady: boolean
}

/** What probers work with. */
export interface ProbingParts {
  readonly provider: Provider
  readonly clock: Clock
  readonly pace: ProbePace
}

/** The probers of one instance's replicas. */
export class Probing {
  readonly #provider: Provider
  readonly #clock: Clock
  readonly #pace: ProbePace
  #onChange: (replica: Replica, health: Health) => void = () => {}
  readonly #probed = new Map<string, Probed>()
  /** Replicas that the router sent requests to when we came. */
  #found: ReadonlySet<string> = new Set()
  /** A look that began before the end may land after it. */
  #stopped = false

  constructor({ provider, clock, pace }: ProbingParts) {
    this.#provider = provider
    this.#clock = clock
    this.#pace = pace
  }

  /** Who is told of every change of health from now on. */
  tell(onChange: (replica: Replica, health: Health) => void): void {
    this.#onChange = onChange
  }

  /** Those that are probed, as they were last observed. */
  get replicas(): Replica[] {
    return [...this.#probed.values()].map(({ prober }) => prober.replica)
  }

  /** Watches exactly these replicas, each by its service's check. */
  sync(replicas: readonly Replica[], specOf: (replica: Replica) => ServiceSnapshot | undefined): void {
    if (this.#stopped) return
    const alive = new Map(replicas.filter(replica => replica.state !== 'exited').map(replica => [replica.id, replica]))
    for (const [id, { prober }] of this.#probed) {
      if (alive.has(id)) continue
      prober.stop()
      this.#probed.delete(id)
    }
    for (const replica of alive.values()) {
      const spec = specOf(replica)
      if (spec) this.#follow(replica, spec)
    }
  }

  #follow(replica: Replica, spec: ServiceSnapshot): void {
    const key = keyOf(spec)
    const known = this.#probed.get(replica.id)
    if (known?.key === key) {
      known.prober.replica = replica
      return
    }
    const prober = startProber({
      replica,
      ...(spec.healthCheck ? { check: spec.healthCheck } : {}),
      routed: isRouted(spec),
      provider: this.#provider,
      clock: this.#clock,
      pace: this.#pace,
      onChange: health => {
        const now = this.#probed.get(replica.id)
        if (now && health === 'ready') now.wasReady = true
        this.#onChange(replica, health)
      },
    })
    if (known?.prober.health !== 'ready') {
      known?.prober.stop()
      this.#probed.set(replica.id, { prober, key, check: spec.healthCheck, wasReady: false })
      return
    }
    // Another check for a replica that serves: what it was found to be holds until the new check has had its say.
    const both = joined(known.prober, prober, this.#clock)
    this.#probed.set(replica.id, { prober: both, key, check: spec.healthCheck, wasReady: true })
  }

  /** Undefined for one that is not probed: it ended, or nobody knows how to ask it. */
  healthOf(id: string): Health | undefined {
    return this.#probed.get(id)?.prober.health
  }

  /** Whether it was ready, as far as we or the router saw. */
  hasServed(id: string): boolean {
    return this.#probed.get(id)?.wasReady === true || this.#found.has(id)
  }

  /** Takes over what an earlier control plane found out: these serve, until the probes have had their say. */
  found(serving: ReadonlySet<string>): void {
    this.#found = serving
  }

  /** Whether it is ready, or was when it could last be asked, or serves since before we came and was not seen to fail. */
  serving(id: string): boolean {
    const probed = this.#probed.get(id)
    // Whoever nobody knows how to ask goes on as the router had it when we came.
    if (!probed) return this.#found.has(id)
    const { health, readySince } = probed.prober
    if (health === 'ready' || (health === 'unknown' && readySince !== undefined)) return true
    return this.#found.has(id) && !probed.wasReady && failuresInARow(probed) < unhealthyAfter(probed)
  }

  /** Whether it has been ready for as long as its check asks. */
  settled(id: string): boolean {
    const probed = this.#probed.get(id)
    return probed?.prober.settled(minHealthyMs(probed)) ?? false
  }

  /** Whether each replica has answered at least once. */
  get allAnswered(): boolean {
    return [...this.#probed.values()].every(({ prober }) => prober.answers.length > 0)
  }

  /** What it last answered, newest first, failures only. */
  failures(id: string): string[] {
    const answers = this.#probed.get(id)?.prober.answers ?? []
    return answers
      .filter(answer => !answer.ok)
      .map(answer => answer.text)
      .toReversed()
  }

  /** Milliseconds until the next ready replica counts; infinite when none waits. */
  nextSettleMs(): number {
    const now = this.#clock.monotonic()
    const waits = [...this.#probed.values()].map(probed => {
      const since = probed.prober.readySince
      return since === undefined ? Number.POSITIVE_INFINITY : since + minHealthyMs(probed) - now
    })
    return Math.min(Number.POSITIVE_INFINITY, ...waits.filter(ms => ms > 0))
  }

  /** For good: nothing is watched any more, whatever is still found out. */
  stop(): void {
    this.#stopped = true
    for (const { prober } of this.#probed.values()) prober.stop()
    this.#probed.clear()
  }
}

const keys = new WeakMap<ServiceSnapshot, string>()

/** What a service is probed by, as text; made once, though it is asked for at every look. */
function keyOf(spec: ServiceSnapshot): string {
  const known = keys.get(spec)
  if (known !== undefined) return known
  const key = canonicalJson([spec.healthCheck, isRouted(spec)])
  keys.set(spec, key)
  return key
}

function unhealthyAfter({ check }: Probed): number {
  return check?.unhealthyAfter ?? checkDefaults.unhealthyAfter
}

function failuresInARow({ prober }: Probed): number {
  const { answers } = prober
  const lastGood = answers.findLastIndex(answer => answer.ok)
  return answers.slice(lastGood + 1).reduce((sum, answer) => sum + answer.times, 0)
}

function minHealthyMs(probed: Probed): number {
  return probed.check?.minHealthyMs ?? checkDefaults.minHealthyMs
}

/** The old prober's word until the new one is ready, or has had its time. */
function joined(old: Prober, fresh: Prober, clock: Clock): Prober {
  const cancel = after(clock, changeoverMs, () => old.stop())
  const current = (): Prober => {
    if (!old.stopped && fresh.health !== 'ready') return old
    old.stop()
    return fresh
  }
  return {
    get health() {
      return current().health
    },
    get readySince() {
      return current().readySince
    },
    get answers() {
      return fresh.answers
    },
    get stopped() {
      return fresh.stopped
    },
    get replica() {
      return fresh.replica
    },
    set replica(observed) {
      fresh.replica = observed
    },
    settled: ms => current().settled(ms),
    probeNow: async () => await fresh.probeNow(),
    stop() {
      cancel()
      old.stop()
      fresh.stop()
    },
  }
}
