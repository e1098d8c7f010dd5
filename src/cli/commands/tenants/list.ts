import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed } from '../../told.ts'

/** `slipway tenants list` */
export const list: CommandFile = {
  declare: command => examples(command, 'slipway tenants list', 'slipway tenants list --json'),
  async perform(cli) {
    const client = await cli.connect()
    const tenants = await Array.fromAsync(client.tenants.list({ limit: 200 }, { signal: cli.signal }))
    return listed(
      cli,
      tenants,
      ['ID', 'STATE', 'TITLE', 'CREATED', 'BY'],
      ({ id, state, title, created_at, created_by }) => [
        cell(id),
        state,
        cell(title),
        created_at.slice(0, 10),
        cell(created_by),
      ],
      'No tenants yet. Make one:  slipway tenants create NAME',
    )
  },
}
