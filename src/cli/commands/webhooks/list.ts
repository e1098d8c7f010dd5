import type { Command } from 'commander'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell, columns } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'

/** `slipway webhooks list` */
export const list: CommandFile = {
  declare(command: Command) {
    examples(command, 'slipway webhooks list', 'slipway webhooks list --json')
  },
  async perform(cli: Cli) {
    const client = await cli.connect()
    const webhooks = await Array.fromAsync(client.webhooks.list({ limit: 200 }, { signal: cli.signal }))
    if (cli.json) {
      cli.printJson(webhooks)
      return exit.done
    }
    if (webhooks.length === 0) {
      cli.tell('No webhooks yet. Make one:  slipway webhooks create https://example.com/slipway --types "deploy.*"')
      return exit.done
    }
    const now = cli.world.now()
    const rows = webhooks.map(({ id, url, types, instances, enabled, disabled, created_at }) => [
      id,
      cell(url),
      cell(types === undefined ? 'all' : types.join(',')),
      instances === undefined ? 'all' : String(instances.length),
      enabled ? 'enabled' : disabled?.code === 'gone' ? 'gone' : 'disabled',
      agoOf(created_at, now),
    ])
    for (const line of columns(['ID', 'URL', 'TYPES', 'INSTANCES', 'STATE', 'CREATED'], rows)) cli.print(line)
    return exit.done
  },
}
