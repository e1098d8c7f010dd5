import { confirmName } from '../../ask.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway tenants delete TENANT` */
export const remove: CommandFile = {
  declare(command) {
    command
      .argument('<tenant>', 'its id')
      .option('--confirm-name <tenant>', 'its id once more, where nobody can be asked')
    examples(command, 'slipway tenants delete acme')
  },
  async perform(cli, [id]: [string], { confirmName: given }: { confirmName?: string }) {
    const client = await cli.connect()
    const { signal } = cli
    const tenant = await client.tenants.get(id, { signal })
    await confirmName(cli, id, given, `${shown(id)} is deleted, and its tokens are good for nothing.`)
    const deleted = await changing(() => client.tenants.delete(tenant, { signal }), 'Look:  slipway tenants list')
    return changed(cli, deleted, `${shown(id)} is deleted.`)
  },
}
