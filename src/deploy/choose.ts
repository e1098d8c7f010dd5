import { SlipwayError } from '../errors.ts'
import type { Strategy } from './strategy.ts'

/** The strategy of this name. Throws `unknown_strategy`. */
export function strategyOf(name: string, strategies: ReadonlyMap<string, Strategy>): Strategy {
  const strategy = strategies.get(name)
  if (strategy) return strategy
  throw new SlipwayError('unknown_strategy', `No strategy named ${JSON.stringify(name)} is registered.`, {
    next: `Registered are: ${[...strategies.keys()].join(', ')}.`,
  })
}

/** A strategy by name, with its options checked and filled in. Throws `unknown_strategy` or `bad_options`. */
export function chooseStrategy(
  name: string,
  given: Readonly<Record<string, unknown>>,
  strategies: ReadonlyMap<string, Strategy>,
): { name: string; options: Record<string, unknown> } {
  const strategy = strategyOf(name, strategies)
  return { name, options: strategy.options ? strategy.options(given) : { ...given } }
}
