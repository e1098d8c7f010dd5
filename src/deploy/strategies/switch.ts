import type { Move } from '../step.ts'
import { type Change, type Changes, lostPort } from './change.ts'
import { closing } from './closing.ts'
import { bringUp, replace, retireAll, routeAll, runAll, task } from './moves.ts'

/**
 * The heart of blue-green, canary, rollback and undo: everything new beside the old, then all traffic at once.
 *
 * @param atPause what happens between the two; exclusive services move after it
 */
export function* switchOver(
  changes: Changes,
  { warm, atPause = [] }: { warm: boolean; atPause?: Iterable<Move> },
): Generator<Move> {
  yield* standUp(changes.up)
  yield* atPause
  for (const change of changes.up.filter(swapsAlone)) yield* replace(change)
  yield* routeAll(changes.up.filter(shiftsTraffic))
  for (const change of changes.up.filter(shiftsWork)) {
    yield* task(change)
    yield* runAll(change)
    if (!lostPort(change)) yield* retireAll(change, change.leaving)
  }
  yield* closing(changes, { warm })
}

/**
 * Everything that can stand beside the old without taking work from it; traffic only where nothing served it.
 *
 * @param percent how much of the replicas of what moves traffic later
 */
export function* standUp(up: readonly Change[], percent = 100): Generator<Move> {
  for (const change of up) {
    if (change.kind === 'scaled') yield* scaleUp(change)
    else if (change.arrives) yield* change.exclusive ? replace(change) : bringUp(change)
    else if (shiftsTraffic(change)) {
      yield* task(change)
      yield* runAll(change, percent)
    }
  }
}

/** More replicas of a revision that stays; in an undo, its old spec as well. */
export function* scaleUp(change: Change): Generator<Move> {
  const { there, restores } = change
  const more = change.target.filter(row =>
    there.some(now => now.revision === row.revision && now.replicas < row.replicas),
  )
  yield* runAll(restores ? change : { ...change, target: more })
}

/** Whether a change of an exclusive service waits for the moment before traffic moves. */
function swapsAlone(change: Change): boolean {
  return change.kind === 'changed' && change.exclusive && !change.arrives
}

/** Whether a change moves traffic from one revision to another side by side. */
export function shiftsTraffic(change: Change): boolean {
  return change.kind === 'changed' && change.routed && !change.exclusive && !change.arrives
}

/** Whether a change is one of a service that takes its work itself, so that replicas are its share. */
export function shiftsWork(change: Change): boolean {
  return change.kind === 'changed' && !change.routed && !change.exclusive
}
