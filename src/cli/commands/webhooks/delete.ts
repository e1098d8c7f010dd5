import { confirmName } from '../../ask.ts'
import { type CommandFile, examples } from '../../command.ts'
import { findWebhook } from '../../find-webhook.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway webhooks delete WEBHOOK` */
export const remove: CommandFile = {
  declare(command) {
    command
      .argument('<webhook>', 'its id, or the end of it')
      .option('--confirm-name <id>', 'its id once more, where nobody can be asked')
    examples(command, 'slipway webhooks delete whk_01jd8xkz3mfy7t2v9q4b6n8r5w')
  },
  async perform(cli, [text]: [string], { confirmName: given }: { confirmName?: string }) {
    const client = await cli.connect()
    const { signal } = cli
    const webhook = await findWebhook(client, text, signal)
    await confirmName(
      cli,
      webhook.id,
      given,
      `The webhook to ${shown(webhook.url)} is deleted with its deliveries, those that wait included.`,
    )
    await changing(() => client.webhooks.delete(webhook, { signal }), 'Look:  slipway webhooks list')
    return changed(cli, { id: webhook.id, deleted: true }, `${webhook.id} is deleted.`)
  },
}
