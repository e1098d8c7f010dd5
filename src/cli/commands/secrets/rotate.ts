import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { secretValue } from '../../secret-value.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway secrets rotate NAME` */
export const rotate: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'its name')
      .option('--file <file>', 'a file that holds the new value; else it is piped in or typed')
    examples(command, 'slipway secrets rotate STRIPE_KEY', 'slipway secrets rotate TLS_KEY --file key.pem')
  },
  async perform(cli, [name]: [string], { file }: { file?: string }) {
    const client = await cli.connect()
    const value = await secretValue(cli, file)
    const secret = await changing(
      () => client.secrets.rotate(name, value, { signal: cli.signal }),
      'Look:  slipway secrets list',
    )
    return changed(
      cli,
      secret,
      `${shown(secret.name)} has version ${secret.version}.`,
      'What runs keeps the version it has; the next deploy that names the service takes the new one.',
    )
  },
}
