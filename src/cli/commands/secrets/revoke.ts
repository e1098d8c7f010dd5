import { confirmName } from '../../ask.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'
import { count } from '../../values.ts'

/** `slipway secrets revoke NAME VERSION` */
export const revoke: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'its name')
      .argument('<version>', 'the version to destroy', count)
      .option('--confirm-name <name>', 'its name once more, where nobody can be asked')
    examples(command, 'slipway secrets revoke STRIPE_KEY 1')
  },
  async perform(cli, [name, version]: [string, number], { confirmName: given }: { confirmName?: string }) {
    const client = await cli.connect()
    // Nobody is asked about what is not there.
    await client.secrets.get(name, { signal: cli.signal })
    await confirmName(
      cli,
      name,
      given,
      `Version ${version} of ${shown(name)} is destroyed for good, and releases that need it can't be restored.`,
    )
    const secret = await changing(
      () => client.secrets.revoke(name, version, { signal: cli.signal }),
      'Look:  slipway secrets list',
    )
    return changed(cli, secret, `Version ${version} of ${shown(name)} is destroyed.`)
  },
}
