import type { Client, IssuedWebhook } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { exit } from '../../exit.ts'
import { findInstance } from '../../find.ts'

/** Ids of the instances that were named. */
export async function idsOf(cli: Cli, client: Client, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map(name => findInstance(client, name, { signal: cli.signal })))
  return found.map(({ id }) => id)
}

/** Shows a secret this once: on stdout, so that it can be piped to where it is kept. */
export function showSecret(cli: Cli, issued: IssuedWebhook, ...lines: string[]): number {
  if (cli.json) {
    cli.printJson(issued)
    return exit.done
  }
  for (const line of lines) cli.tell(line)
  cli.tell('Its secret is shown this once. Receivers verify with it that a request is from here:')
  cli.print(issued.secret)
  return exit.done
}
