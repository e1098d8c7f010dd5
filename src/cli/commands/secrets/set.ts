import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { secretValue } from '../../secret-value.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway secrets set NAME` */
export const set: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'its name')
      .option('--file <file>', 'a file that holds the value; else it is piped in or typed')
    examples(
      command,
      'slipway secrets set STRIPE_KEY',
      'pass show stripe | slipway secrets set STRIPE_KEY',
      'slipway secrets set TLS_KEY --file key.pem',
    )
  },
  async perform(cli, [name]: [string], { file }: { file?: string }) {
    const client = await cli.connect()
    const value = await secretValue(cli, file)
    const secret = await changing(
      () => client.secrets.store(name, value, { signal: cli.signal }),
      'Look:  slipway secrets list',
    )
    return changed(
      cli,
      secret,
      `${shown(secret.name)} is kept.`,
      `A service takes it as:  secrets: { ${variableFor(secret.name)}: ${shown(secret.name)} }`,
    )
  },
}

/** The environment variable that one would have a secret of this name in. */
function variableFor(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')
    .replace(/^(?=\d)/, '_')
}
