import { z } from 'zod'
import { SlipwayError } from '../../errors.ts'
import type { Check } from '../step.ts'
import { checkSchema, parseOptions, secondsSchema } from './options.ts'

const weightSchema = z.int('it must be a whole percent').min(1, 'it must be 1 to 100').max(100, 'it must be 1 to 100')

/** What the options of this strategy may be. */
export const canaryOptionsSchema = z.strictObject({
  /** Shares of traffic in whole percent, ascending; 100 follows by itself. */
  steps: z
    .array(
      z.union(
        [
          weightSchema,
          z.strictObject({
            weight: weightSchema,
            /** How long the share is watched; default `holdSeconds`. */
            holdSeconds: secondsSchema.optional(),
            /** What is measured meanwhile; default `checks`. */
            checks: z.array(checkSchema).optional(),
            /** Wait to be promoted after the hold; a text is the gate's name, else it is the weight: `25%`. */
            pause: z.union([z.boolean(), z.string().min(1)]).optional(),
            /** Go on by itself after so long a pause. */
            pauseSeconds: secondsSchema.optional(),
          }),
        ],
        'it must be a whole percent, or an object with a weight',
      ),
    )
    .default([5, 25, 50, 100]),
  holdSeconds: secondsSchema.default(60),
  checks: z.array(checkSchema).default([]),
  /** How long the replaced release stays ready for a rollback. */
  keepWarmSeconds: secondsSchema.default(300),
})

/** Options of the canary strategy. */
export type CanaryOptions = z.input<typeof canaryOptionsSchema>

/** One share of traffic, with everything filled in. */
export interface CanaryStep {
  readonly weight: number
  readonly holdSeconds: number
  readonly checks: readonly Check[]
  /** Name of the gate. */
  readonly pause?: string
  readonly pauseSeconds?: number
}

/** Options of the canary strategy with defaults filled in. */
export interface CanaryPlanOptions {
  readonly steps: readonly CanaryStep[]
  readonly holdSeconds: number
  readonly checks: readonly Check[]
  readonly keepWarmSeconds: number
}

/**
 * Checks the options of the canary strategy and fills in defaults. Doing it twice gives the same.
 *
 * @throws SlipwayError `bad_options`
 */
export function readCanaryOptions(given: Readonly<Record<string, unknown>>): CanaryPlanOptions {
  const { steps, holdSeconds, checks, keepWarmSeconds } = parseOptions('canary', canaryOptionsSchema, given)
  const defaults = { holdSeconds, checks }
  const filled = steps.map(step => fillIn(typeof step === 'number' ? { weight: step } : step, defaults))
  if (filled.at(-1)?.weight !== 100) filled.push(fillIn({ weight: 100 }, defaults))
  refuseDisorder(filled)
  return { steps: filled, holdSeconds, checks, keepWarmSeconds }
}

type GivenStep = Exclude<z.output<typeof canaryOptionsSchema>['steps'][number], number>

function fillIn(given: GivenStep, defaults: { holdSeconds: number; checks: readonly Check[] }): CanaryStep {
  const { weight, pause, pauseSeconds } = given
  const last = weight === 100
  const gate = typeof pause === 'string' ? pause : pause === true ? `${weight}%` : undefined
  if (gate === undefined && pauseSeconds !== undefined) {
    throw refused(
      `the step of ${weight} % has pauseSeconds but no pause`,
      'Add "pause": true to it, or leave pauseSeconds out.',
    )
  }
  const step = {
    weight,
    holdSeconds: given.holdSeconds ?? (last ? 0 : defaults.holdSeconds),
    checks: given.checks ?? (last ? [] : defaults.checks),
    ...(gate === undefined ? {} : { pause: gate }),
    ...(pauseSeconds === undefined ? {} : { pauseSeconds }),
  }
  if (last && (step.holdSeconds > 0 || step.checks.length > 0 || gate !== undefined)) {
    throw refused(
      'the step of 100 % cannot hold, check or pause: there is no old traffic left to compare with or to go back to gently',
      'Put the hold, the checks or the pause on a step below 100.',
    )
  }
  return step
}

function refuseDisorder(steps: readonly CanaryStep[]): void {
  steps.forEach((step, index) => {
    const before = steps[index - 1]
    if (before && before.weight >= step.weight) {
      throw refused(
        `the step of ${step.weight} % comes after one of ${before.weight} %`,
        'Give the steps in ascending order.',
      )
    }
    const namesake = steps.slice(0, index).find(({ pause }) => pause !== undefined && pause === step.pause)
    if (namesake) {
      throw refused(
        `two pauses have the gate "${step.pause}", so a promote could not tell them apart`,
        'Name each gate differently.',
      )
    }
  })
}

function refused(why: string, next: string): SlipwayError {
  return new SlipwayError('bad_options', `The options of canary do not fit: ${why}.`, { next })
}
