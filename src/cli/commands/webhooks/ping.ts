import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { tellSent } from './sent.ts'

/** `slipway webhooks test ID` */
export const ping: CommandFile = {
  declare(command: Command) {
    command.argument('<id>', 'its id')
    examples(command, 'slipway webhooks test whk_…')
    command.addHelpText('after', '\nIt is sent a webhook.ping, whatever types it asks for.')
  },
  async perform(cli: Cli, [id]: [string]) {
    const { signal } = cli
    const client = await cli.connect()
    const look = `Look:  slipway webhooks deliveries ${id}`
    return tellSent(cli, await changing(() => client.webhooks.test(id, { signal }), look))
  },
}
