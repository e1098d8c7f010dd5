import { isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import type { Step } from './step.ts'
import type { PlanInput, Strategy } from './strategy.ts'

/** The strategy of this name. Throws `unknown_strategy`. */
export function strategyOf(name: string, strategies: ReadonlyMap<string, Strategy>): Strategy {
  const strategy = strategies.get(name)
  if (strategy) return strategy
  throw new SlipwayError('unknown_strategy', `No strategy named ${JSON.stringify(name)} is registered.`, {
    next: `Registered are: ${[...strategies.keys()].join(', ')}.`,
  })
}

/** A strategy that was chosen, and its options. */
export interface Chosen {
  readonly name: string
  readonly options: Record<string, unknown>
}

/** A strategy by name, with its options checked and filled in. Throws `unknown_strategy` or `bad_options`. */
export function chooseStrategy(
  name: string,
  given: Readonly<Record<string, unknown>>,
  strategies: ReadonlyMap<string, Strategy>,
): Chosen {
  const strategy = strategyOf(name, strategies)
  return { name, options: strategy.options ? strategy.options(given) : { ...given } }
}

/** The steps a strategy plans, undefined when it decides while it runs. Throws `strategy_failed` with whatever it threw. */
export function stepsOf(strategy: Strategy, input: PlanInput): Step[] | undefined {
  try {
    return strategy.plan?.(input)
  } catch (error) {
    if (isSlipwayError(error)) throw error
    throw new SlipwayError('strategy_failed', `The strategy "${strategy.name}" threw: ${messageOf(error)}.`, {
      cause: error,
    })
  }
}
