import { z } from 'zod'
import type { Move, Row, Step } from '../step.ts'
import { type PlanInput, planned, type Strategy } from '../strategy.ts'
import { replicasOf } from '../table.ts'
import { type Change, changesOf, isIdle, lostPort } from './change.ts'
import { closing } from './closing.ts'
import { bringUp, keep, replace, retireTo, run, spread, task } from './moves.ts'
import { opening } from './opening.ts'
import { countSchema, parseOptions } from './options.ts'
import { type NamedMove, stepsFrom } from './steps.ts'
import { scaleUp } from './switch.ts'

/** What the options of this strategy may be. */
export const rollingOptionsSchema = z
  .strictObject({
    /** How many replicas above the larger of both counts may run. */
    maxSurge: countSchema.default(1),
    /** How many below the smaller of both counts may be ready. */
    maxUnavailable: countSchema.default(0),
  })
  .refine(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0, {
    message: 'with maxSurge 0 and maxUnavailable 0 no replica could ever be replaced',
  })

/** Options of {@link rolling}. */
export type RollingOptions = z.input<typeof rollingOptionsSchema>

type Limits = z.output<typeof rollingOptionsSchema>

/** Service by service, replica by replica; the default. */
export const rolling: Strategy = planned('rolling', plan, readOptions)

function readOptions(given: Readonly<Record<string, unknown>>): Limits {
  return parseOptions('rolling', rollingOptionsSchema, given)
}

function plan(input: PlanInput): Step[] {
  return stepsFrom(input.table, moves(input))
}

function* moves(input: PlanInput): Generator<NamedMove> {
  const limits = readOptions(input.options)
  const changes = changesOf(input)
  if (isIdle(changes)) return
  yield* opening(changes)
  for (const change of changes.up) {
    if (change.kind === 'scaled') yield* scaleUp(change)
    if (change.kind === 'added') yield* change.exclusive ? replace(change) : bringUp(change)
    if (change.kind === 'changed' && change.exclusive) yield* replace(change)
    else if (change.kind === 'changed' && !lostPort(change)) yield* roll(change, limits)
  }
  yield* closing(changes, { endPort: change => roll(change, limits) })
}

function* roll(change: Change, { maxSurge, maxUnavailable }: Limits): Generator<Move> {
  const { there, leaving, routed } = change
  const [target] = change.target
  const [taken] = there
  if (!target) return
  yield* task(change)
  if (taken) yield run(change, target, taken.replicas)
  const wanted = target.replicas
  const before = replicasOf(leaving) + (taken && (taken.weight > 0 || !routed) ? taken.replicas : 0)
  const floor = Math.max(0, Math.min(before, wanted) - maxUnavailable)
  const cap = Math.max(before, wanted) + maxSurge
  let fresh = taken?.replicas ?? 0
  let old = replicasOf(leaving)
  do {
    const more = Math.min(wanted - fresh, cap - old - fresh)
    if (more > 0) {
      fresh += more
      yield run(change, target, fresh)
    }
    old = Math.min(old, fresh > 0 ? remaining(fresh, wanted, floor) : room(floor, cap, wanted))
    const staying = keep(leaving, old).filter(row => row.replicas > 0)
    yield* share(change, target, fresh, staying)
    yield* retireTo(change, leaving, old)
  } while (old > 0 || fresh < wanted)
}

/** How many old replicas must stay beside the new ones. */
function remaining(fresh: number, wanted: number, floor: number): number {
  return fresh >= wanted ? 0 : Math.max(0, floor - fresh)
}

/**
 * How many old replicas stay when some have to go before the first new one can start. The floor; but where that would be none, enough
 * to go on serving, unless the cap leaves room for one replica only: then, and only then, a rolling has a moment without any.
 */
function room(floor: number, cap: number, wanted: number): number {
  return floor > 0 ? floor : Math.min(Math.max(cap - wanted, 1), cap - 1)
}

/** Traffic in proportion to the new replicas, all of it once no old replica stays. */
function* share(change: Change, target: Row, fresh: number, staying: readonly Row[]): Generator<Move> {
  const { name, leaving, routed } = change
  const old = staying.filter(row => row.weight > 0)
  if (routed && fresh > 0) {
    const percent =
      old.length === 0 || fresh >= target.replicas ? 100 : Math.max(1, Math.floor((100 * fresh) / target.replicas))
    yield { kind: 'route', weights: { [name]: { [target.revision]: percent, ...spread(100 - percent, old) } } }
  } else if (leaving.some(row => row.weight > 0 && row.weight < 100)) {
    yield { kind: 'route', weights: { [name]: spread(100, old) } }
  }
}
