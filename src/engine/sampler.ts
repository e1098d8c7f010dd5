import { timestamp } from '../clock.ts'
import type { CheckValue, RevisionShare, Sample } from '../deploy/history.ts'
import type { Table } from '../deploy/step.ts'
import { percentileMs, type TrafficCounts, trafficDelta } from '../health/delta.ts'
import type { RevisionTraffic } from '../router/router.ts'
import type { EngineParts } from './context.ts'

/** How soon after it began a deployment is looked at, and how often at first, milliseconds. */
export const sampleMs = 1000
/** With so many samples every other one is dropped, and the next ones are taken half as often. */
export const samplesAtMost = 240
/** How many deployments are looked at in one round: with more of them each is looked at less often. */
const atOnce = 50
/** How many samples that could not be written wait for a disk with room; beyond that the oldest are let go. */
export const unwrittenAtMost = 1000
/** How long a router may take to tell what it counted before it is asked again the next time, milliseconds. */
const answerMs = 1000

interface Followed {
  readonly instanceId: string
  everyMs: number
  dueAt: number
  /** How many samples there are; undefined where nobody has counted those of the control plane before. */
  count: number | undefined
  lookedAt: number
  counted: ReadonlyMap<string, RevisionTraffic>
  /** What was written last, to tell whether there is anything new. */
  told: string
  checks: Sample['checks']
  /** It ended: it is looked at for a last time. */
  ended: boolean
}

/**
 * Looks at running deployments, waiting ones too: how their weights are set, what each revision really gets, and what their checks find. A
 * deployment that is over before it was due to be looked at leaves nothing.
 */
export class Sampler {
  readonly #parts: Pick<EngineParts, 'store' | 'clock' | 'router'>
  readonly #tableOf: (instanceId: string) => Table | undefined
  readonly #followed = new Map<string, Followed>()
  readonly #byInstance = new Map<string, string>()
  #unwritten: Sample[] = []

  constructor(
    parts: Pick<EngineParts, 'store' | 'clock' | 'router'>,
    tableOf: (instanceId: string) => Table | undefined,
  ) {
    this.#parts = parts
    this.#tableOf = tableOf
  }

  /** Takes up what runs already. */
  async begin(): Promise<void> {
    const running = await this.#parts.store.history.running()
    for (const { id, instanceId } of running) this.follow(id, instanceId, 'before us')
  }

  /** A deployment runs; told as often as one likes. */
  follow(deploymentId: string, instanceId: string, since: 'now' | 'before us' = 'now'): void {
    if (this.#followed.has(deploymentId)) return
    // The one before is over, though nobody carried it to its end: the instance was deleted.
    const before = this.#byInstance.get(instanceId)
    if (before !== undefined) this.ended(before)
    this.#byInstance.set(instanceId, deploymentId)
    const now = this.#parts.clock.monotonic()
    this.#followed.set(deploymentId, {
      instanceId,
      everyMs: sampleMs,
      dueAt: now + sampleMs,
      count: since === 'now' ? 0 : undefined,
      lookedAt: now,
      counted: new Map(),
      told: '',
      checks: undefined,
      ended: false,
    })
  }

  /** What the checks of its hold find now. */
  judged(deploymentId: string, position: number, values: readonly CheckValue[]): void {
    const followed = this.#followed.get(deploymentId)
    if (followed && values.length > 0) followed.checks = { position, values }
  }

  /** It is over. */
  ended(deploymentId: string): void {
    const followed = this.#followed.get(deploymentId)
    if (!followed) return
    if (this.#byInstance.get(followed.instanceId) === deploymentId) this.#byInstance.delete(followed.instanceId)
    const failed = followed.checks?.values.some(({ verdict }) => verdict === 'fail') ?? false
    if (followed.count === 0 && !failed) this.#followed.delete(deploymentId)
    else followed.ended = true
  }

  /** Looks at those that are due, and writes what it saw in one go. */
  async look(): Promise<void> {
    const now = this.#parts.clock.monotonic()
    const due: [string, Followed][] = []
    for (const entry of this.#followed) {
      if (!entry[1].ended && entry[1].dueAt > now) continue
      due.push(entry)
      if (due.length === atOnce) break
    }
    if (due.length > 0) {
      await this.#count(due)
      await Promise.all(due.map(([id, followed]) => this.#sample(id, followed)))
    }
    await this.#write()
  }

  async #sample(id: string, followed: Followed): Promise<void> {
    const { clock } = this.#parts
    // Behind the others: where there are too many, each has its turn.
    this.#followed.delete(id)
    if (!followed.ended) this.#followed.set(id, followed)
    const now = clock.monotonic()
    followed.dueAt = now + followed.everyMs
    const table = this.#tableOf(followed.instanceId) ?? (await this.#stored(followed.instanceId))
    const spanMs = Math.round(now - followed.lookedAt)
    const shares = table && (await this.#shares(table, followed))
    const { checks } = followed
    followed.checks = undefined
    const told = JSON.stringify([shares?.map(({ service, revision, set }) => [service, revision, set]), checks])
    const isNew = told !== followed.told || (shares?.some(({ requests }) => requests > 0) ?? false)
    if (!isNew || ((shares?.length ?? 0) === 0 && !checks)) return
    followed.told = told
    const at = timestamp(clock.now())
    this.#unwritten.push({ deploymentId: id, at, spanMs, shares: shares ?? [], ...(checks ? { checks } : {}) })
    followed.count = (followed.count ?? 0) + 1
    if (this.#unwritten.length > unwrittenAtMost) this.#unwritten.shift()
  }

  async #stored(instanceId: string): Promise<Table | undefined> {
    return (await this.#parts.store.work.load(instanceId))?.table
  }

  /** What each revision got since the last look; undefined while the router does not answer, and the next look counts from the last that it did. */
  async #shares(table: Table, followed: Followed): Promise<RevisionShare[] | undefined> {
    const { router, clock } = this.#parts
    let counted: RevisionTraffic[]
    try {
      counted = await router.traffic(followed.instanceId, AbortSignal.timeout(answerMs))
    } catch (error) {
      void error // because a router that does not answer is told of by those who need it; this only looks
      return undefined
    }
    const isFirst = followed.counted.size === 0
    const before = followed.counted
    followed.lookedAt = clock.monotonic()
    followed.counted = new Map(counted.map(traffic => [keyOf(traffic), traffic]))
    const deltas = new Map(
      counted.map(traffic => [keyOf(traffic), isFirst ? none : trafficDelta(before.get(keyOf(traffic)), traffic)]),
    )
    return sharesOf(table, counted, deltas)
  }

  /** How many samples the control plane before us has taken. */
  async #count(due: readonly [string, Followed][]): Promise<void> {
    const unknown = due.filter(([, { count }]) => count === undefined)
    if (unknown.length === 0) return
    const counts = await this.#parts.store.history.countSamples(unknown.map(([id]) => id))
    for (const [id, followed] of unknown) followed.count = counts.get(id) ?? 0
  }

  async #write(): Promise<void> {
    const { history } = this.#parts.store
    const samples = this.#unwritten
    if (samples.length === 0) return
    await history.addSamples(samples)
    this.#unwritten = this.#unwritten.slice(samples.length)
    for (const id of new Set(samples.map(({ deploymentId }) => deploymentId))) {
      const followed = this.#followed.get(id)
      if (!followed || (followed.count ?? 0) < samplesAtMost) continue
      await history.thinSamples(id)
      followed.count = Math.ceil((followed.count ?? 0) / 2)
      followed.everyMs *= 2
    }
  }
}

const none: TrafficCounts = { requests: 0, errors: 0, latencyBoundsMs: [], latencyCounts: [] }

/** The shares of every routed service: what is wanted, and what was counted. */
export function sharesOf(
  table: Table,
  counted: readonly Pick<RevisionTraffic, 'service' | 'revision'>[],
  deltas: ReadonlyMap<string, TrafficCounts>,
): RevisionShare[] {
  const routed = new Set(table.filter(row => row.weight > 0).map(row => row.service))
  const shares: RevisionShare[] = []
  for (const service of routed) {
    const revisions = new Set(
      [...table, ...counted].filter(one => one.service === service).map(({ revision }) => revision),
    )
    const of = (revision: string): TrafficCounts => deltas.get(keyOf({ service, revision })) ?? none
    const total = [...revisions].reduce((sum, revision) => sum + of(revision).requests, 0)
    for (const revision of revisions) {
      const row = table.find(candidate => candidate.service === service && candidate.revision === revision)
      const { requests, errors } = of(revision)
      if (!row && requests === 0) continue
      const p95Ms = percentileMs(of(revision), 0.95)
      shares.push({
        service,
        revision,
        set: row?.weight ?? 0,
        ...(total > 0 ? { actual: Math.round((1000 * requests) / total) / 10 } : {}),
        requests,
        errors,
        ...(p95Ms !== undefined && Number.isFinite(p95Ms) ? { p95Ms: Math.round(p95Ms * 10) / 10 } : {}),
      })
    }
  }
  return shares
}

function keyOf({ service, revision }: Pick<RevisionTraffic, 'service' | 'revision'>): string {
  return `${service} ${revision}`
}
