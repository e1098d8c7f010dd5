import { type CommandFile, examples } from '../../command.ts'
import { secondsOf } from '../../duration.ts'
import { exit } from '../../exit.ts'
import { findWebhook } from '../../find-webhook.ts'
import { changing } from '../../interrupt.ts'

/** `slipway webhooks rotate WEBHOOK` */
export const rotate: CommandFile = {
  declare(command) {
    command
      .argument('<webhook>', 'its id, or the end of it')
      .option('--overlap <time>', 'how long requests are signed with the old secret as well: 0s to 7d', secondsOf)
    examples(command, 'slipway webhooks rotate whk_01jd8xkz3mfy7t2v9q4b6n8r5w --overlap 1h')
  },
  async perform(cli, [text]: [string], { overlap }: { overlap?: number }) {
    const client = await cli.connect()
    const { signal } = cli
    const { id } = await findWebhook(client, text, signal)
    const webhook = await changing(
      () => client.webhooks.rotate(id, overlap === undefined ? {} : { overlap_seconds: overlap }, { signal }),
      `Do it again, for a new secret would be lost:  slipway webhooks rotate ${id}`,
    )
    if (cli.json) {
      cli.printJson(webhook)
      return exit.done
    }
    const { mood, glyph } = cli.storyStyle
    cli.print(webhook.secret)
    cli.tell(`${mood('good', glyph('good'))} ${id} has a new secret.`)
    cli.tell('  It stands on stdout, and is shown this once.')
    return exit.done
  },
}
