import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'

/** `slipway webhooks list` */
export const list: CommandFile = {
  declare: command => examples(command, 'slipway webhooks list'),
  async perform(cli) {
    const client = await cli.connect()
    const webhooks = await Array.fromAsync(client.webhooks.list({ limit: 200 }, { signal: cli.signal }))
    return listed(
      cli,
      webhooks,
      ['ID', 'STATE', 'TYPES', 'INSTANCES', 'URL'],
      ({ id, enabled, disabled, types, instances, url }) => [
        id,
        enabled ? 'enabled' : disabled?.code === 'gone' ? 'gone' : 'disabled',
        types?.join(',') ?? 'all',
        instances === undefined ? 'all' : String(instances.length),
        cell(url),
      ],
      'No webhooks yet. Make one:  slipway webhooks create URL',
    )
  },
}
