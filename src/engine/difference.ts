import type { Row, Table, Weights } from '../deploy/step.ts'
import type { Health } from '../health/check.ts'
import type { Replica } from '../provider/provider.ts'

/** A replica and what its probes say. */
export interface ReplicaView {
  readonly replica: Replica
  readonly health: Health
  /** Ready, or was when the platform last said anything, or when we came: what nobody could ask goes on as it was. */
  readonly serving: boolean
  /** Ready for minHealthyMs: it counts. */
  readonly settled: boolean
}

/** The world of one instance as it was just observed, beside what is wanted. */
export interface Situation {
  readonly table: Table
  readonly replicas: readonly ReplicaView[]
  readonly isRouted: (service: string) => boolean
  readonly isExclusive: (service: string) => boolean
  /** The weights the router uses now. */
  readonly applied: Weights
  /** How many replicas of a row must be ready before its weight may rise. */
  readonly required: (row: Row) => number
  /** Ids of replicas that are on their way out. */
  readonly leaving: ReadonlySet<string>
  /** Names of replicas that were asked for and not observed yet. */
  readonly arriving: ReadonlySet<string>
  /** Names that replicas of another store have. They are none of ours, but their names are taken. */
  readonly strangers: ReadonlySet<string>
  /** Whether the row has to wait before it restarts what crashed. */
  readonly backingOff: (row: Row) => boolean
}

/** What to do about the difference. */
export interface Moves {
  readonly start: readonly { readonly row: Row; readonly ordinals: readonly number[] }[]
  /** Exited: only their record is left. */
  readonly remove: readonly Replica[]
  /** To be drained, then stopped. */
  readonly stop: readonly Replica[]
  /** The weights to use from now on. */
  readonly weights: Weights
  /** Whether these are the wanted ones. */
  readonly weightsReached: boolean
}

/** The beginning of a replica's name, shared by all replicas of a row. */
export function rowKey(row: { readonly service: string; readonly revision: string }): string {
  return `${row.service}.${row.revision}`
}

/**
 * Compares the world with the table: the one function behind performing a step, resuming after a crash and healing. Its four gates make
 * it safe at any moment (design §2): weights rise only when those revisions are ready, all services at once; a ready replica with
 * traffic goes only when the service's other rows with traffic have all theirs; an exclusive service never runs twice; a name is not
 * used again before its last bearer was observed gone.
 */
export function difference(now: Situation): Moves {
  const weights = nextWeights(now)
  return {
    start: missing(now),
    remove: now.replicas
      .filter(({ replica }) => replica.state === 'exited' && !now.leaving.has(replica.id))
      .map(view => view.replica),
    stop: victims(now, weights),
    weights,
    weightsReached: sameWeights(weights, wantedWeights(now)),
  }
}

/** The replicas of a row that live and are meant to stay. */
export function livingOf(row: Row, now: Pick<Situation, 'replicas' | 'leaving'>): ReplicaView[] {
  return now.replicas.filter(
    ({ replica }) =>
      replica.service === row.service &&
      replica.revision === row.revision &&
      replica.state !== 'exited' &&
      replica.state !== 'stopping' &&
      !now.leaving.has(replica.id),
  )
}

/** How many replicas of a row count as ready. */
export function readyOf(row: Row, now: Pick<Situation, 'replicas' | 'leaving'>): number {
  return livingOf(row, now).filter(view => view.settled).length
}

/** The replicas that rows lack and that may be started now. */
export function missing(now: Situation): Moves['start'] {
  return now.table.flatMap(row => {
    const arriving = [...now.arriving].filter(name => name.startsWith(`${rowKey(row)}.`))
    const lacking = row.replicas - livingOf(row, now).length - arriving.length
    if (lacking <= 0 || now.backingOff(row) || exclusiveBlocked(row, now)) return []
    const taken = new Set([...now.replicas.map(view => view.replica.name), ...arriving, ...now.strangers])
    const ordinals: number[] = []
    for (let ordinal = 0; ordinals.length < lacking; ordinal++) {
      if (!taken.has(`${rowKey(row)}.${ordinal}`)) ordinals.push(ordinal)
    }
    return [{ row, ordinals }]
  })
}

function exclusiveBlocked(row: Row, now: Situation): boolean {
  if (!now.isExclusive(row.service)) return false
  if ([...now.arriving].some(name => name.startsWith(`${row.service}.`) && !name.startsWith(`${rowKey(row)}.`)))
    return true
  return now.replicas.some(
    ({ replica }) =>
      replica.service === row.service &&
      (replica.revision !== row.revision ||
        replica.state === 'stopping' ||
        replica.state === 'exited' ||
        now.leaving.has(replica.id)),
  )
}

function victims(now: Situation, weights: Weights): Replica[] {
  const rows = new Map(now.table.map(row => [rowKey(row), row]))
  const present = now.replicas.filter(({ replica }) => replica.state !== 'exited' && !now.leaving.has(replica.id))
  // One that was told to stop before we came is seen through to its end.
  const [stopping, living] = [present.filter(isStopping), present.filter(view => !isStopping(view))]
  const surplus = [...Map.groupBy(living, view => rowKey(view.replica))].flatMap(([key, views]) => {
    const worstFirst = views.toSorted((a, b) => rank(a) - rank(b) || b.replica.ordinal - a.replica.ordinal)
    return worstFirst.slice(0, Math.max(0, views.length - (rows.get(key)?.replicas ?? 0)))
  })
  return [...stopping, ...surplus.filter(view => mayGo(view, weights, now))].map(view => view.replica)
}

function isStopping(view: ReplicaView): boolean {
  return view.replica.state === 'stopping'
}

/** Unhealthy ones go first. */
function rank(view: ReplicaView): number {
  return view.health === 'ready' ? (view.settled ? 2 : 1) : 0
}

function mayGo({ replica, serving }: ReplicaView, weights: Weights, now: Situation): boolean {
  const { service, revision } = replica
  const carries = (now.applied[service]?.[revision] ?? 0) > 0
  if (!carries || !serving) return true
  if (!othersComplete(service, revision, now)) return false
  const losesItsTraffic = !weights[service]?.[revision]
  const othersOfItsRowStay = now.table.some(row => row.service === service && row.revision === revision)
  // The weights may have to wait for another service: until they move, only those that have traffic can take over.
  return (
    losesItsTraffic ||
    othersOfItsRowStay ||
    others(service, revision, now).some(row => now.applied[service]?.[row.revision])
  )
}

/** Whether the other rows of the service that have traffic have all their replicas ready. */
function othersComplete(service: string, revision: string, now: Situation): boolean {
  return others(service, revision, now).every(row => readyOf(row, now) >= Math.min(row.replicas, now.required(row)))
}

/** The other rows of a service that are to have traffic. */
function others(service: string, revision: string, now: Situation): Row[] {
  return now.table.filter(row => row.service === service && row.revision !== revision && row.weight > 0)
}

function wantedWeights(now: Situation): Weights {
  const wanted: Record<string, Record<string, number>> = {}
  for (const row of now.table) {
    if (!now.isRouted(row.service)) continue
    const service = (wanted[row.service] ??= {})
    if (row.weight > 0) service[row.revision] = row.weight
  }
  return wanted
}

function nextWeights(now: Situation): Weights {
  const wanted = wantedWeights(now)
  if (sameWeights(wanted, now.applied)) return now.applied
  const blocked = now.table.some(row => {
    const before = now.applied[row.service]?.[row.revision] ?? 0
    return row.weight > before && readyOf(row, now) < now.required(row)
  })
  const dropped = Object.entries(now.applied).some(([service, weights]) =>
    Object.entries(weights).some(
      ([revision, weight]) => weight > 0 && !wanted[service]?.[revision] && !othersComplete(service, revision, now),
    ),
  )
  return blocked || dropped ? now.applied : wanted
}

/** Whether two sets of weights mean the same; a revision that is left out has 0. */
export function sameWeights(a: Weights, b: Weights): boolean {
  return covers(a, b) && covers(b, a)
}

function covers(a: Weights, b: Weights): boolean {
  return Object.entries(a).every(([service, weights]) =>
    Object.entries(weights).every(([revision, weight]) => (b[service]?.[revision] ?? 0) === weight),
  )
}
