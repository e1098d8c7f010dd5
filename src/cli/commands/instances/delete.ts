import type { Command } from 'commander'
import { confirmName } from '../../ask.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { instanceMeant } from '../../find.ts'
import { changing } from '../../interrupt.ts'
import { startOptions, type WatchFlags, watched } from '../../watching.ts'

/** `slipway instances delete INSTANCE` */
export const remove: CommandFile = {
  declare(command: Command) {
    startOptions(
      command
        .argument('<instance>', 'its name, tenant/name or id')
        .option('--confirm-name <name>', 'its name: what is destroyed is not to be had back'),
    )
    examples(command, 'slipway instances delete shop', 'slipway instances delete shop --confirm-name shop --detach')
  },
  async perform(cli: Cli, [name]: [string], flags: WatchFlags & { readonly confirmName?: string }) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    await confirmName(cli, of.name, flags.confirmName, `${of.name} (${of.tenant_id}) is destroyed with its data.`)
    // Whoever is sure of the name is sure whatever changed meanwhile.
    const accepted = await changing(
      () => client.instances.delete(of.id, of.name, { signal, ifMatch: '*' }),
      'Look:  slipway instances list',
    )
    return await watched(cli, client, accepted, flags)
  },
}
