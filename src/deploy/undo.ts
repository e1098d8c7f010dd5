import type { Step, Table } from './step.ts'
import { changesOf } from './strategies/change.ts'
import { opening } from './strategies/opening.ts'
import { type NamedMove, stepsFrom } from './strategies/steps.ts'
import { switchOver } from './strategies/switch.ts'
import type { PlanInput, PlannedService } from './strategy.ts'
import { sameTable, withoutWarm } from './table.ts'

/** What an undo goes back from, and to. */
export interface UndoInput {
  /** Of the last step that was begun. */
  readonly table: Table
  /** What the plan started from. */
  readonly base: Table
  /** The services of the base side: what the deployment found. */
  readonly old: readonly PlannedService[]
  /** The services of the side that is undone. */
  readonly next: readonly PlannedService[]
}

/**
 * The way back: blue-green without tasks, preview or warm rows, to exactly the rows of the base less its warm ones. Traffic is put right
 * before anything is cleared away. Empty while the table still is the base, which then keeps its warm rows.
 */
export function undoPlan({ table, base, old, next }: UndoInput): Step[] {
  if (sameTable(table, base)) return []
  const input: PlanInput = { table, old: next, next: old, options: {}, mode: 'undo' }
  return stepsFrom(table, moves(input, withoutWarm(base, old)))
}

function* moves(input: PlanInput, target: Table): Generator<NamedMove> {
  const changes = changesOf(input, target)
  yield* opening(changes)
  yield* switchOver(changes, { warm: false })
}
