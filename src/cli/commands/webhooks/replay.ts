import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { findWebhook } from '../../find-webhook.ts'
import { changing } from '../../interrupt.ts'
import { momentOf } from '../../moment.ts'
import { Refusal } from '../../refusal.ts'
import { changed } from '../../told.ts'

/** `slipway webhooks replay WEBHOOK [DELIVERY]` */
export const replay: CommandFile = {
  declare(command) {
    command
      .argument('<webhook>', 'its id, or the end of it')
      .argument('[delivery]', 'the id of one delivery')
      .option('--since <time>', 'everything that happened since: 2h, or 2026-11-24T12:00:00Z')
    examples(
      command,
      'slipway webhooks replay 6n8r5w dlv_01jd8xkz3mfy7t2v9q4b6n8r5w',
      'slipway webhooks replay 6n8r5w --since 2h',
    )
  },
  async perform(cli, [text, delivery]: [string, string | undefined], { since }: { since?: string }) {
    if ((delivery === undefined) === (since === undefined)) {
      throw new Refusal(
        exit.usage,
        'usage',
        'A replay is of one delivery, or of everything since a moment.',
        'One:         slipway webhooks replay WEBHOOK DELIVERY',
        'Everything:  slipway webhooks replay WEBHOOK --since 2h',
      )
    }
    const moment = since === undefined ? undefined : momentOf(since, cli.world.now(), '--since')
    const client = await cli.connect()
    const { signal } = cli
    const { id } = await findWebhook(client, text, signal)
    const look = `What comes of it:  slipway webhooks deliveries ${id}`
    if (moment !== undefined) {
      const webhook = await changing(() => client.webhooks.replayAll(id, { since: moment }, { signal }), look)
      return changed(cli, webhook, `${id} is sent again what happened since ${moment}.`, look)
    }
    const again = await changing(() => client.webhooks.replay(id, delivery ?? '', { signal }), look)
    return changed(cli, again, `${again.id} is on its way again.`, look)
  },
}
