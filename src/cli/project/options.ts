import { z } from 'zod'
import { blueGreen, blueGreenOptionsSchema } from '../../deploy/strategies/blue-green.ts'
import { canary } from '../../deploy/strategies/canary.ts'
import { canaryOptionsSchema } from '../../deploy/strategies/canary-options.ts'
import { recreate, recreateOptionsSchema } from '../../deploy/strategies/recreate.ts'
import { rolling, rollingOptionsSchema } from '../../deploy/strategies/rolling.ts'
import { messageOf } from '../../errors.ts'

/** What the options of each strategy may be that Slipway brings along. A server may have others. */
export const optionSchemas: Readonly<Record<string, z.ZodType>> = {
  rolling: rollingOptionsSchema,
  'blue-green': blueGreenOptionsSchema,
  canary: canaryOptionsSchema,
  recreate: recreateOptionsSchema,
}

const strategies = new Map([rolling, blueGreen, canary, recreate].map(strategy => [strategy.name, strategy]))

/** What is wrong with options that fit their schema, when they do not fit together: steps out of order, two gates of one name. */
export function disorderOf(strategy: string, options: Readonly<Record<string, unknown>>): string | undefined {
  try {
    strategies.get(strategy)?.options?.(options)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
