import type { Client } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { findInstance } from '../../find.ts'

/** Ids of the instances that were named. */
export async function idsOf(cli: Cli, client: Client, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map(name => findInstance(client, name, { signal: cli.signal })))
  return found.map(({ id }) => id)
}

/** What there is to know of the secret of a webhook. */
export const aboutSecret =
  'Its secret stands on stdout, and is shown this once: receivers verify with it that a request is from here.'
