import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { secondsOf } from '../../duration.ts'
import { changing } from '../../interrupt.ts'
import { showSecret } from './about.ts'

/** `slipway webhooks rotate ID` */
export const rotate: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .option(
        '--overlap <time>',
        'how long requests are signed with the old secret as well: 0s, 12h, 7d (default: 1d)',
        secondsOf,
      )
    examples(command, 'slipway webhooks rotate whk_…', 'slipway webhooks rotate whk_… --overlap 0s')
  },
  async perform(cli: Cli, [id]: [string], { overlap }: { readonly overlap?: number }) {
    const { signal } = cli
    const client = await cli.connect()
    const how = overlap === undefined ? {} : { overlap_seconds: overlap }
    const issued = await changing(
      () => client.webhooks.rotate(id, how, { signal }),
      `The secret is not to be had a second time. Make a new one:  slipway webhooks rotate ${id}`,
    )
    const until = issued.secret_versions.findLast(version => version.until !== undefined)?.until
    return showSecret(
      cli,
      issued,
      `${issued.id} has a new secret.`,
      ...(until === undefined ? [] : [`Requests are signed with the old one as well until ${until}.`]),
    )
  },
}
