import { z } from 'zod'
import { changesOf, isIdle, replacesSomething } from '../../src/deploy/strategies/change.ts'
import { opening } from '../../src/deploy/strategies/opening.ts'
import { parseOptions, secondsSchema } from '../../src/deploy/strategies/options.ts'
import { type NamedMove, stepsFrom } from '../../src/deploy/strategies/steps.ts'
import { switchOver } from '../../src/deploy/strategies/switch.ts'
import { type PlanInput, planned, type Strategy } from '../../src/deploy/strategy.ts'

const optionsSchema = z.strictObject({
  /** How long the new replicas stand beside the old ones, without traffic. */
  soakSeconds: secondsSchema.default(60),
})

/** As blue-green, but the new release stands idle for a while before traffic moves: for programs that have caches to fill. */
export const soak: Strategy = planned('soak', plan, readOptions)

function plan(input: PlanInput) {
  return stepsFrom(input.table, moves(input))
}

function readOptions(given: Readonly<Record<string, unknown>>): z.output<typeof optionsSchema> {
  return parseOptions('soak', optionsSchema, given)
}

function* moves(input: PlanInput): Generator<NamedMove> {
  const { soakSeconds } = readOptions(input.options)
  const changes = changesOf(input)
  if (isIdle(changes)) return
  yield* opening(changes)
  yield* switchOver(changes, {
    warm: false,
    atPause: replacesSomething(changes) ? [{ kind: 'hold', seconds: soakSeconds, checks: [] }] : [],
  })
}
