import { type CommandFile, examples } from '../../command.ts'
import { findWebhook } from '../../find-webhook.ts'
import { changing } from '../../interrupt.ts'
import { changed } from '../../told.ts'

/** `slipway webhooks test WEBHOOK` */
export const test: CommandFile = {
  declare(command) {
    command.argument('<webhook>', 'its id, or the end of it')
    examples(command, 'slipway webhooks test whk_01jd8xkz3mfy7t2v9q4b6n8r5w')
  },
  async perform(cli, [text]: [string]) {
    const client = await cli.connect()
    const { signal } = cli
    const { id } = await findWebhook(client, text, signal)
    const look = `What came of it:  slipway webhooks deliveries ${id}`
    const delivery = await changing(() => client.webhooks.test(id, { signal }), look)
    return changed(cli, delivery, `${delivery.id}: a webhook.ping is on its way.`, look)
  },
}
