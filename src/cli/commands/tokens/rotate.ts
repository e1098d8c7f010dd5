import { type CommandFile, examples } from '../../command.ts'
import { overlapOf } from '../../duration.ts'
import { findToken } from '../../find-token.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { issued } from '../../told.ts'

/** `slipway tokens rotate TOKEN` */
export const rotate: CommandFile = {
  declare(command) {
    command
      .argument('<token>', 'its id, the end of it, or its name')
      .option('--overlap <time>', 'how long the old secret is good beside the new one: 0s to 7d', overlapOf)
    examples(command, 'slipway tokens rotate ci --overlap 1h', 'slipway tokens rotate ci | gh secret set SLIPWAY_TOKEN')
  },
  async perform(cli, [text]: [string], { overlap }: { overlap?: number }) {
    const client = await cli.connect()
    const { signal } = cli
    const { id } = await findToken(client, text, signal)
    const token = await changing(
      () => client.tokens.rotate(id, overlap === undefined ? {} : { overlap_seconds: overlap }, { signal }),
      `Do it again, for a new secret would be lost:  slipway tokens rotate ${id}`,
    )
    return issued(
      cli,
      token,
      `${id} of ${shown(token.name)} has a new secret until ${token.expires_at.slice(0, 10)}.`,
      'It stands on stdout, and is shown this once.',
    )
  },
}
