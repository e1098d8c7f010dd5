import type { Command } from 'commander'
import { confirmYes } from '../../ask.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway webhooks delete ID` */
export const remove: CommandFile = {
  declare(command: Command) {
    command.argument('<id>', 'its id')
    examples(command, 'slipway webhooks delete whk_…', 'slipway webhooks delete whk_… --yes')
  },
  async perform(cli: Cli, [id]: [string]) {
    const { signal } = cli
    const client = await cli.connect()
    const of = await client.webhooks.get(id, { signal })
    await confirmYes(cli, `${of.id} is deleted with its deliveries: ${shown(of.url)} is told of nothing any more.`)
    // Whoever is sure of it is sure whatever changed meanwhile.
    await changing(() => client.webhooks.delete(of.id, { signal, ifMatch: '*' }), 'Look:  slipway webhooks list')
    return changed(cli, of, `${of.id} is deleted.`)
  },
}
