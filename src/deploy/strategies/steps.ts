import { shortRevision } from '../revision.ts'
import type { Move, Step, Table, Weights } from '../step.ts'
import { next, rowOf, sameTable } from '../table.ts'

/** A move, with a name of its own where the usual one would not say enough. */
export type NamedMove = Move & { readonly name?: string }

/**
 * Makes steps of moves: each gets the table that follows from the one before, and a name. A move that changes nothing is left out, and
 * so is a second run of the same task.
 *
 * @example
 * stepsFrom(input.table, [{ kind: 'run', service: 'web', revision, replicas: 2, release }, { kind: 'route', weights }])
 */
export function stepsFrom(table: Table, moves: Iterable<NamedMove>): Step[] {
  const steps: Step[] = []
  let current = table
  for (const move of moves) {
    const after = next(current, move)
    if (changesTable(move) ? sameTable(after, current) : wasDone(steps, move)) continue
    steps.push({ ...move, name: move.name ?? nameOf(move, current), table: after })
    current = after
  }
  return steps
}

/** Whether a kind of move is there for what it does to the table. */
function changesTable(move: Move): boolean {
  return move.kind === 'run' || move.kind === 'route' || move.kind === 'retire'
}

function wasDone(steps: readonly Step[], move: Move): boolean {
  if (move.kind !== 'task') return false
  return steps.some(step => step.kind === 'task' && step.service === move.service && step.revision === move.revision)
}

/** A move as people read it, given the table before it: `run 2 of api 9f3c1a`. */
export function nameOf(move: Move, before: Table): string {
  switch (move.kind) {
    case 'prepare':
      return `prepare ${move.revisions.map(({ service }) => service).join(', ')}`
    case 'task':
      return `task of ${move.service} ${shortRevision(move.revision)}`
    case 'run':
      return `run ${move.replicas} of ${move.service} ${shortRevision(move.revision)}`
    case 'route':
      return `route ${routesOf(move.weights, before)}`
    case 'hold':
      return `hold ${move.seconds} s`
    case 'pause':
      return `pause at ${move.gate}${move.seconds === undefined ? '' : ` for up to ${move.seconds} s`}`
    case 'retire':
      break
  }
  return `retire ${move.service} ${shortRevision(move.revision)} to ${move.replicas}`
}

/** Where traffic goes: per service the revisions that get more than before. */
function routesOf(weights: Weights, before: Table): string {
  const routes = Object.entries(weights).map(([service, revisions]) => {
    const rising = Object.entries(revisions).filter(
      ([revision, weight]) => weight > (rowOf(before, service, revision)?.weight ?? 0),
    )
    if (rising.length === 0) return `${service} to nothing`
    return `${service} ${rising.map(([revision, weight]) => `${weight} % to ${shortRevision(revision)}`).join(' and ')}`
  })
  return routes.join(', ')
}
