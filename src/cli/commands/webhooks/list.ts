import type { Command } from 'commander'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'

/** `slipway webhooks list` */
export const list: CommandFile = {
  declare(command: Command) {
    examples(command, 'slipway webhooks list', 'slipway webhooks list --json')
  },
  async perform(cli: Cli) {
    const client = await cli.connect()
    const webhooks = await Array.fromAsync(client.webhooks.list({ limit: 200 }, { signal: cli.signal }))
    const now = cli.world.now()
    return listed(
      cli,
      webhooks,
      ['ID', 'URL', 'TYPES', 'INSTANCES', 'STATE', 'CREATED'],
      ({ id, url, types, instances, enabled, disabled, created_at }) => [
        id,
        cell(url),
        cell(types === undefined ? 'all' : types.join(',')),
        instances === undefined ? 'all' : String(instances.length),
        enabled ? 'enabled' : disabled?.code === 'gone' ? 'gone' : 'disabled',
        agoOf(created_at, now),
      ],
      'No webhooks yet. Make one:  slipway webhooks create https://example.com/slipway --types "deploy.*"',
    )
  },
}
