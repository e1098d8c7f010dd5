import { Option } from 'commander'
import { agoOf } from '../../ago.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { findWebhook } from '../../find-webhook.ts'
import { listed } from '../../told.ts'
import { count } from '../../values.ts'

interface Options {
  readonly state?: 'pending' | 'delivered' | 'failed' | 'cancelled'
  readonly number: number
}

/** `slipway webhooks deliveries WEBHOOK` */
export const deliveries: CommandFile = {
  declare(command) {
    command
      .argument('<webhook>', 'its id, or the end of it')
      .addOption(new Option('--state <state>', 'only these').choices(['pending', 'delivered', 'failed', 'cancelled']))
      .addOption(new Option('-n, --number <count>', 'how many of the last').argParser(count).default(20))
    examples(command, 'slipway webhooks deliveries whk_01jd8xkz3mfy7t2v9q4b6n8r5w --state failed')
  },
  async perform(cli, [text]: [string], { state, number }: Options) {
    const client = await cli.connect()
    const { signal } = cli
    const { id } = await findWebhook(client, text, signal)
    const query = { limit: Math.max(1, Math.min(number, 200)), ...(state === undefined ? {} : { state }) }
    const pages = client.webhooks.deliveries(id, query, { signal })
    const items = []
    for await (const delivery of pages) {
      if (items.length >= number) break
      items.push(delivery)
    }
    const now = cli.world.now()
    return listed(
      cli,
      items,
      ['ID', 'EVENT', 'STATE', 'TRIES', 'MADE', 'LAST ANSWER'],
      ({ id, event_type, state, attempt_count, created_at, last_attempt }) => [
        id,
        cell(event_type),
        state,
        String(attempt_count),
        agoOf(created_at, now),
        cell(last_attempt?.status ?? last_attempt?.error),
      ],
      state === undefined
        ? `Nothing was sent to it yet. Try it:  slipway webhooks test ${id}`
        : `Nothing that was sent to it is ${state}.`,
    )
  },
}
