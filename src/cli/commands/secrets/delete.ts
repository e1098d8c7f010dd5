import { confirmName } from '../../ask.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway secrets delete NAME` */
export const remove: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'its name')
      .option('--confirm-name <name>', 'its name once more, where nobody can be asked')
    examples(command, 'slipway secrets delete STRIPE_KEY')
  },
  async perform(cli, [name]: [string], { confirmName: given }: { confirmName?: string }) {
    const client = await cli.connect()
    const secret = await client.secrets.get(name, { signal: cli.signal })
    await confirmName(
      cli,
      name,
      given,
      `All versions of ${shown(name)} are destroyed for good, and releases that need one can't be restored.`,
    )
    await changing(() => client.secrets.delete(secret, { signal: cli.signal }), 'Look:  slipway secrets list')
    return changed(cli, { name, deleted: true }, `${shown(name)} is destroyed.`)
  },
}
