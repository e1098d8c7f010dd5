import type { Command } from 'commander'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell, columns } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { limitsLine } from './limits.ts'

/** `slipway tenants list` */
export const list: CommandFile = {
  declare(command: Command) {
    examples(command, 'slipway tenants list', 'slipway tenants list --json')
  },
  async perform(cli: Cli) {
    const client = await cli.connect()
    const tenants = await Array.fromAsync(client.tenants.list({ limit: 200 }, { signal: cli.signal }))
    if (cli.json) {
      cli.printJson(tenants)
      return exit.done
    }
    if (tenants.length === 0) {
      cli.tell('No tenants were created yet. Create one:  slipway tenants create acme')
      return exit.done
    }
    const now = cli.world.now()
    const rows = tenants.map(({ id, title, state, quota, created_by, created_at }) => [
      cell(id),
      cell(title),
      state,
      cell(limitsLine(quota)),
      cell(created_by),
      agoOf(created_at, now),
    ])
    for (const line of columns(['ID', 'TITLE', 'STATE', 'LIMITS', 'BY', 'CREATED'], rows)) cli.print(line)
    return exit.done
  },
}
