import type { Move, Step } from '../step.ts'
import { type PlanInput, planned, type Strategy } from '../strategy.ts'
import { replicasOf } from '../table.ts'
import { type CanaryStep, readCanaryOptions } from './canary-options.ts'
import { type Change, changesOf, isIdle, lostPort, replacesSomething } from './change.ts'
import { retireTo, runAll, spread, task } from './moves.ts'
import { opening } from './opening.ts'
import { type NamedMove, nameOf, stepsFrom } from './steps.ts'
import { shiftsTraffic, shiftsWork, standUp, switchOver } from './switch.ts'

/** A growing share of traffic on the new release, in lockstep over all services, each share held and judged; then as blue-green. */
export const canary: Strategy = planned('canary', plan, given => ({ ...readCanaryOptions(given) }))

function plan(input: PlanInput): Step[] {
  return stepsFrom(input.table, moves(input))
}

function* moves(input: PlanInput): Generator<NamedMove> {
  const { steps, keepWarmSeconds } = readCanaryOptions(input.options)
  const changes = changesOf(input)
  if (isIdle(changes)) return
  yield* opening(changes)
  const traffic = changes.up.filter(shiftsTraffic)
  const work = changes.up.filter(change => shiftsWork(change) && !lostPort(change))
  const shared = traffic.length + work.length > 0
  let before = 0
  for (const step of steps.filter(({ weight }) => weight < 100)) {
    yield* standUp(changes.up, step.weight)
    yield* routeShare(traffic, step.weight)
    for (const change of work) yield* workShare(change, step.weight, before)
    if (shared) yield* hold(step)
    if (step.pause !== undefined && replacesSomething(changes)) yield* pause(step.pause, step.pauseSeconds)
    before = step.weight
  }
  yield* switchOver(changes, { warm: keepWarmSeconds > 0 })
}

function* routeShare(changes: readonly Change[], percent: number): Generator<Move> {
  if (changes.length === 0) return
  const weights = changes.map(({ name, target, leaving }) => {
    const shares = target.map(row => [row.revision, leaving.length > 0 ? percent : 100] as const)
    return [name, { ...Object.fromEntries(shares), ...spread(100 - percent, leaving) }] as const
  })
  yield { kind: 'route', weights: Object.fromEntries(weights) }
}

/** Replicas are a worker's share, so it gets what its count allows; the names of its steps say how much that is. */
function* workShare(change: Change, percent: number, before: number): Generator<NamedMove> {
  const { name, leaving } = change
  const all = replicasOf(leaving)
  const old = oldAt(all, percent)
  yield* task(change)
  for (const move of runAll(change, percent)) {
    if (move.kind !== 'run') continue
    const share = `${move.replicas} of ${move.replicas + old} ${name} replicas = ${Math.round((100 * move.replicas) / (move.replicas + old))} %`
    const named = (part: Move): NamedMove => ({ ...part, name: `${nameOf(part, [])} (${share})` })
    // What the share comes to is said by the step that makes it true.
    yield old === oldAt(all, before) ? named(move) : move
    for (const retire of retireTo(change, leaving, old)) yield named(retire)
  }
}

function oldAt(all: number, percent: number): number {
  return all - Math.floor((all * percent) / 100)
}

function* hold({ holdSeconds, checks }: CanaryStep): Generator<Move> {
  if (holdSeconds > 0 || checks.length > 0) yield { kind: 'hold', seconds: holdSeconds, checks }
}

function* pause(gate: string, seconds: number | undefined): Generator<Move> {
  yield { kind: 'pause', gate, ...(seconds === undefined ? {} : { seconds }) }
}
