import type { Command } from 'commander'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'
import { limitsLine } from './limits.ts'

/** `slipway tenants list` */
export const list: CommandFile = {
  declare(command: Command) {
    examples(command, 'slipway tenants list', 'slipway tenants list --json')
  },
  async perform(cli: Cli) {
    const client = await cli.connect()
    const tenants = await Array.fromAsync(client.tenants.list({ limit: 200 }, { signal: cli.signal }))
    const now = cli.world.now()
    return listed(
      cli,
      tenants,
      ['ID', 'TITLE', 'STATE', 'LIMITS', 'BY', 'CREATED'],
      ({ id, title, state, quota, created_by, created_at }) => [
        cell(id),
        cell(title),
        state,
        cell(limitsLine(quota)),
        cell(created_by),
        agoOf(created_at, now),
      ],
      'No tenants were created yet. Create one:  slipway tenants create acme',
    )
  },
}
