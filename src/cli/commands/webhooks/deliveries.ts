import { type Command, InvalidArgumentError } from 'commander'
import type { Delivery, OneDelivery } from '../../../client/index.ts'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell, columns } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import type { Style } from '../../style.ts'
import { factLines, listed } from '../../told.ts'
import { count, list } from '../../values.ts'

interface Flags {
  readonly state?: string[]
  readonly count: number
}

/** `slipway webhooks deliveries ID [DELIVERY]` */
export const deliveries: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .argument('[delivery]', 'only this one, with its attempts')
      .option('--state <states>', 'only in these states: pending,delivered,failed,cancelled', list)
      .option('-n, --count <n>', 'so many of the newest', some, 50)
    examples(
      command,
      'slipway webhooks deliveries whk_… --state failed',
      'slipway webhooks deliveries whk_… dlv_… --json | jq .event',
    )
  },
  async perform(cli: Cli, [id, delivery]: [string, string | undefined], flags: Flags) {
    const { signal } = cli
    const client = await cli.connect()
    const now = cli.world.now()
    if (delivery !== undefined) {
      const one = await client.webhooks.delivery(id, delivery, { signal })
      if (cli.json) cli.printJson(one)
      else for (const line of linesOf(one, now, cli.style)) cli.print(line)
      return exit.done
    }
    const query = {
      limit: Math.min(flags.count, 200),
      ...(flags.state === undefined ? {} : { state: flags.state }),
    }
    const found: Delivery[] = []
    for await (const one of client.webhooks.deliveries(id, query, { signal })) {
      if (found.push(one) >= flags.count) break
    }
    return listed(
      cli,
      found,
      ['ID', 'EVENT', 'STATE', 'ATTEMPTS', 'LAST', 'CREATED'],
      ({ id, event_type, state, attempt_count, last_attempt, created_at }) => [
        id,
        event_type,
        state,
        String(attempt_count),
        cell(last_attempt && outcomeOf(last_attempt)),
        agoOf(created_at, now),
      ],
      flags.state === undefined
        ? `Nothing was sent to it yet. Try it:  slipway webhooks test ${id}`
        : `No delivery is in such a state. All of them:  slipway webhooks deliveries ${id}`,
    )
  },
}

function linesOf(delivery: OneDelivery, now: number, style: Style): string[] {
  const { id, event_type, event_id, state, next_at, replay_of, attempts } = delivery
  const facts: [string, string][] = [
    ['event', `${event_type} ${event_id}`],
    ['state', state],
    ...(next_at === undefined ? [] : ([['next', next_at]] as [string, string][])),
    ...(replay_of === undefined ? [] : ([['again', replay_of]] as [string, string][])),
  ]
  const rows = attempts.map(attempt => [
    agoOf(attempt.at, now),
    outcomeOf(attempt),
    `${attempt.duration_ms}ms`,
    cell(attempt.answer),
  ])
  return [
    ...factLines(id, facts, style),
    ...(rows.length === 0 ? [] : ['', ...columns(['AGO', 'ANSWER', 'TOOK', 'SAID'], rows)]),
  ]
}

/** What came of an attempt: what it was answered with, or why it was not. */
function outcomeOf({ status, error }: NonNullable<Delivery['last_attempt']>): string {
  return cell(status ?? error)
}

function some(text: string): number {
  const number = count(text)
  if (number > 0) return number
  throw new InvalidArgumentError('It is at least 1.')
}
