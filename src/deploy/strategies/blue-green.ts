import { z } from 'zod'
import type { Step } from '../step.ts'
import { type PlanInput, planned, type Strategy } from '../strategy.ts'
import { changesOf, isIdle, replacesSomething } from './change.ts'
import { opening } from './opening.ts'
import { parseOptions, secondsSchema } from './options.ts'
import { type NamedMove, stepsFrom } from './steps.ts'
import { switchOver } from './switch.ts'

/** What the options of this strategy may be. */
export const blueGreenOptionsSchema = z.strictObject({
  /** How long the replaced release stays ready for a rollback. */
  keepWarmSeconds: secondsSchema.default(300),
  /** Pause before traffic moves, at the gate `preview`. */
  preview: z.boolean().default(false),
})

/** Options of {@link blueGreen}. */
export type BlueGreenOptions = z.input<typeof blueGreenOptionsSchema>

/** The new release beside the old one, then all traffic in one step. */
export const blueGreen: Strategy = planned('blue-green', plan, readOptions)

function plan(input: PlanInput): Step[] {
  return stepsFrom(input.table, moves(input))
}

function readOptions(given: Readonly<Record<string, unknown>>): z.output<typeof blueGreenOptionsSchema> {
  return parseOptions('blue-green', blueGreenOptionsSchema, given)
}

function* moves(input: PlanInput): Generator<NamedMove> {
  const { keepWarmSeconds, preview } = readOptions(input.options)
  const changes = changesOf(input)
  if (isIdle(changes)) return
  yield* opening(changes)
  yield* switchOver(changes, {
    warm: keepWarmSeconds > 0,
    atPause: preview && replacesSomething(changes) ? [{ kind: 'pause', gate: 'preview' }] : [],
  })
}
