import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { overlapOf } from '../../duration.ts'
import { changing } from '../../interrupt.ts'
import { issued } from '../../told.ts'
import { aboutSecret } from './about.ts'

/** `slipway webhooks rotate ID` */
export const rotate: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .option(
        '--overlap <time>',
        'how long requests are signed with the old secret as well: 0s, 12h, 7d (default: 1d)',
        overlapOf,
      )
    examples(command, 'slipway webhooks rotate whk_…', 'slipway webhooks rotate whk_… --overlap 0s')
  },
  async perform(cli: Cli, [id]: [string], { overlap }: { readonly overlap?: number }) {
    const { signal } = cli
    const client = await cli.connect()
    const how = overlap === undefined ? {} : { overlap_seconds: overlap }
    const rotated = await changing(
      () => client.webhooks.rotate(id, how, { signal }),
      `The secret is not to be had a second time. Make a new one:  slipway webhooks rotate ${id}`,
    )
    const until = rotated.secret_versions.findLast(version => version.until !== undefined)?.until
    return issued(
      cli,
      rotated,
      `${rotated.id} has a new secret.`,
      aboutSecret,
      ...(until === undefined ? [] : [`Requests are signed with the old one as well until ${until}.`]),
    )
  },
}
