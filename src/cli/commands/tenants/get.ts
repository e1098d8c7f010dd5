import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { factLines } from '../../told.ts'
import { limitsLine } from './limits.ts'

/** `slipway tenants get ID` */
export const get: CommandFile = {
  declare(command: Command) {
    command.argument('<id>', 'its id')
    examples(command, 'slipway tenants get acme', 'slipway tenants get acme --json | jq .state')
  },
  async perform(cli: Cli, [id]: [string]) {
    const client = await cli.connect()
    const tenant = await client.tenants.get(id, { signal: cli.signal })
    if (cli.json) {
      cli.printJson(tenant)
      return exit.done
    }
    const { title, state, reason, quota, created_at, created_by } = tenant
    const facts: [string, string][] = [
      ['title', title ?? '-'],
      ['state', reason === undefined ? state : `${state}: ${reason}`],
      ['limits', limitsLine(quota) || '-'],
      ['created', `${created_at} by ${created_by}`],
    ]
    for (const line of factLines(tenant.id, facts, cli.style)) cli.print(line)
    return exit.done
  },
}
