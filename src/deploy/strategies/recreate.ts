import { z } from 'zod'
import type { Move, Step } from '../step.ts'
import { type PlanInput, planned, type Strategy } from '../strategy.ts'
import { type Change, changesOf, isIdle } from './change.ts'
import { closing } from './closing.ts'
import { replace, task } from './moves.ts'
import { opening } from './opening.ts'
import { parseOptions } from './options.ts'
import { type NamedMove, stepsFrom } from './steps.ts'
import { scaleUp } from './switch.ts'

/** What the options of this strategy may be. */
export const recreateOptionsSchema = z.strictObject({})

/** Service by service, the old revision ends before the new one begins. Has downtime, and needs no more room than before. */
export const recreate: Strategy = planned('recreate', plan, given =>
  parseOptions('recreate', recreateOptionsSchema, given),
)

function plan(input: PlanInput): Step[] {
  return stepsFrom(input.table, moves(input))
}

function* moves(input: PlanInput): Generator<NamedMove> {
  const changes = changesOf(input)
  if (isIdle(changes)) return
  yield* opening(changes)
  for (const change of changes.up) {
    if (change.kind === 'changed' || change.kind === 'added') yield* moveService(change)
    if (change.kind === 'scaled') yield* scaleUp(change)
  }
  yield* closing(changes)
}

function* moveService(change: Change): Generator<Move> {
  // A task runs while the old revision still serves, unless the two must never meet.
  if (!change.exclusive) yield* task(change)
  yield* replace(change)
}
