import type { Context, Contexts } from '../../contexts.ts'
import { exit } from '../../exit.ts'
import { Refusal } from '../../refusal.ts'

/** The context of this name. Throws a `Refusal` that names those there are. */
export function contextNamed({ contexts }: Contexts, name: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (found) return found
  const names = Object.keys(contexts)
  throw new Refusal(
    exit.notFound,
    'unknown_context',
    `There is no context ${JSON.stringify(name)}.`,
    names.length > 0 ? `There are: ${names.join(', ')}` : 'Make one:  slipway login --url URL',
  )
}
