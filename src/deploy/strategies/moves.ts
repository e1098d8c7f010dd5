import type { Move, Revision, Row } from '../step.ts'
import { replicasOf, rowOf } from '../table.ts'
import type { Change } from './change.ts'

/** The service's `before` command, where the plan has one for it. */
export function* task({ name, task }: Change): Generator<Move> {
  if (task !== undefined) yield { kind: 'task', service: name, revision: task }
}

/** The replicas the change is to reach, or this share of them, rounded up. */
export function* runAll(change: Change, percent = 100): Generator<Move> {
  for (const row of change.target) yield run(change, row, Math.ceil((row.replicas * percent) / 100))
}

/** That many of a row, and never fewer than there are. */
export function run({ name, there }: Change, { revision, release }: Row, replicas: number): Move {
  const now = rowOf(there, name, revision)?.replicas ?? 0
  return { kind: 'run', service: name, revision, replicas: Math.max(now, replicas), release }
}

/** One route step that gives every one of these changes the weights it is to reach. */
export function* routeAll(changes: readonly Change[]): Generator<Move> {
  const routed = changes.filter(change => change.routed)
  if (routed.length === 0) return
  yield { kind: 'route', weights: Object.fromEntries(routed.map(({ name, target }) => [name, weightsOf(target)])) }
}

/** Brings up what nothing of serves yet, traffic included. */
export function* bringUp(change: Change): Generator<Move> {
  yield* task(change)
  yield* runAll(change)
  yield* routeAll([change])
}

/** The old revision ends before the new one begins: for recreate, and for exclusive services. */
export function* replace(change: Change): Generator<Move> {
  yield* takeDown(change)
  yield* bringUp(change)
}

/** Ends what leaves while it still has traffic. Shares of several rows are taken away in one step: what is left would not sum to 100. */
export function* takeDown(change: Change): Generator<Move> {
  const { name, leaving } = change
  if (leaving.some(row => row.weight > 0 && row.weight < 100)) yield { kind: 'route', weights: { [name]: {} } }
  yield* retireAll(change, leaving)
}

/** Retires rows to nothing. */
export function* retireAll({ name }: Change, rows: readonly Row[]): Generator<Move> {
  for (const { revision } of rows) yield { kind: 'retire', service: name, revision, replicas: 0 }
}

/** Retires rows, the first ones first, until this many replicas of them remain. */
export function* retireTo({ name }: Change, rows: readonly Row[], replicas: number): Generator<Move> {
  for (const row of keep(rows, replicas))
    yield { kind: 'retire', service: name, revision: row.revision, replicas: row.replicas }
}

/** How many replicas of each row stay when this many of all of them do: the first rows go first. */
export function keep(rows: readonly Row[], replicas: number): Row[] {
  let surplus = Math.max(0, replicasOf(rows) - replicas)
  return rows.map(row => {
    const gone = Math.min(row.replicas, surplus)
    surplus -= gone
    return { ...row, replicas: row.replicas - gone }
  })
}

/** Divides so many percent among rows by their replicas. */
export function spread(percent: number, rows: readonly Row[]): Record<Revision, number> {
  const weights: Record<Revision, number> = {}
  let rest = percent
  let replicas = replicasOf(rows)
  for (const row of rows) {
    const weight = Math.round((rest * row.replicas) / replicas)
    weights[row.revision] = weight
    rest -= weight
    replicas -= row.replicas
  }
  return weights
}

function weightsOf(rows: readonly Row[]): Record<Revision, number> {
  return Object.fromEntries(rows.map(row => [row.revision, row.weight]))
}
