import type { Command } from 'commander'
import { confirmName } from '../../ask.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { changed } from '../../told.ts'

/** `slipway tenants delete ID` */
export const remove: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .option('--confirm-name <id>', 'its id again: its tokens end, and the id is not given a second time')
    examples(command, 'slipway tenants delete acme', 'slipway tenants delete acme --confirm-name acme')
    command.addHelpText('after', '\nOnly one that has no instances and no secrets.')
  },
  async perform(cli: Cli, [id]: [string], { confirmName: given }: { readonly confirmName?: string }) {
    const client = await cli.connect()
    const { signal } = cli
    const { id: known } = await client.tenants.get(id, { signal })
    await confirmName(cli, known, given, `${known} is deleted, its tokens end, and its id is not given again.`)
    // Whoever is sure of the name is sure whatever changed meanwhile.
    const tenant = await changing(
      () => client.tenants.delete(known, { signal, ifMatch: '*' }),
      'Look:  slipway tenants list',
    )
    return changed(cli, tenant, `${tenant.id} is deleted.`)
  },
}
