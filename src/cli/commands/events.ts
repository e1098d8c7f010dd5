import { InvalidArgumentError } from 'commander'
import type { CallOptions, Client, Event, EventStreamQuery } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { eventLine } from '../event-line.ts'
import { type ExitCode, exit } from '../exit.ts'
import { findDeployment, findInstance, listed } from '../find.ts'
import { count } from '../values.ts'

interface Options {
  readonly follow?: boolean
  readonly type?: string
  readonly instance?: string
  readonly deployment?: string
  readonly after?: string
  readonly count: number
}

/** A place behind every event: what is asked for from there on is only where the log ends. */
const behindAll = '999999999999999'
const pageSize = 200

/** `slipway events` */
export const events: CommandFile = {
  declare(command) {
    command
      .option('-f, --follow', 'go on with what happens, until Ctrl-C')
      .option('--type <types>', 'only these: deploy.failed,instance.healed')
      .option('--instance <instance>', 'only of this one: its name, tenant/name or id')
      .option('--deployment <id>', 'only of this one')
      .option('--after <place>', 'those after this place: the number that a line begins with', placeOf)
      .option('-n, --count <n>', 'the newest so many; with --after the first so many', count, 50)
    examples(
      command,
      'slipway events -f',
      'slipway events --type deploy.failed,instance.healed -n 10',
      'slipway events -f --after 1234 --json',
    )
  },
  async perform(cli, _args, options: Options) {
    const client = await cli.connect()
    const { query, calling, end } = await scoped(cli, client, options)
    if (options.follow) return await follow(cli, client, query, calling)
    const { found, reset } =
      query.after === undefined
        ? { found: await newest(client, query, end, options.count, calling), reset: false }
        : await first(client, { ...query, after: query.after }, options.count, calling)
    if (reset) cli.tell(toldReset(query.after ?? '0'))
    if (cli.json) cli.printJson(found)
    else if (found.length === 0) cli.tell('Nothing of this kind has happened. Wait for it:  slipway events -f')
    else for (const event of found) cli.print(eventLine(event, cli.style))
    return exit.done
  },
}

interface Scoped {
  readonly query: EventStreamQuery
  readonly calling: CallOptions
  /** The place that the log ends at now. */
  readonly end: number
}

/** What is asked for, and as whom: an operator who named no tenant gets the events of all. */
async function scoped(cli: Cli, client: Client, { type, instance, deployment, after }: Options): Promise<Scoped> {
  const { signal } = cli
  const query: EventStreamQuery = {
    ...(type === undefined ? {} : { type }),
    ...(instance === undefined ? {} : { instance_id: (await findInstance(client, instance, { signal })).id }),
    ...(deployment === undefined ? {} : { deployment_id: await findDeployment(client, deployment, { signal }) }),
    ...(after === undefined ? {} : { after }),
  }
  return await listed({ signal }, async calling => {
    const { last_event_id } = await client.events.page({ ...query, after: behindAll, limit: 1 }, calling)
    return { query, calling, end: Number(last_event_id) }
  })
}

/** The first events after a place. */
async function first(
  client: Client,
  query: EventStreamQuery & { readonly after: string },
  most: number,
  calling: CallOptions,
): Promise<{ readonly found: Event[]; readonly reset: boolean }> {
  const found: Event[] = []
  let [after, reset] = [query.after, false]
  while (found.length < most) {
    const limit = Math.min(pageSize, most - found.length)
    const page = await client.events.page({ ...query, after, limit }, calling)
    reset ||= page.reset === true && after === query.after
    found.push(...page.items)
    if (page.items.length < limit) break
    after = page.last_event_id
  }
  return { found, reset }
}

/**
 * The newest events. The log is read forwards only, and others' events are between ours: so it is looked through from a place near its end,
 * and from one four times as far back while that was too near.
 */
async function newest(
  client: Client,
  query: EventStreamQuery,
  end: number,
  most: number,
  calling: CallOptions,
): Promise<Event[]> {
  let found: Event[] = []
  for (let [until, width] = [end, 2 * most]; found.length < most && until > 0; width *= 4) {
    const from = Math.max(0, until - width)
    const stretch: Event[] = []
    for (let after = from; after < until; ) {
      const { items } = await client.events.page({ ...query, after: String(after), limit: pageSize }, calling)
      stretch.push(...items.filter(({ seq }) => seq <= until))
      if (items.length < pageSize) break
      after = items.at(-1)?.seq ?? until
    }
    found = [...stretch, ...found]
    until = from
  }
  return most === 0 ? [] : found.slice(-most)
}

/** Tells events as they happen. It ends by Ctrl-C, and leaves everything as it is. */
async function follow(cli: Cli, client: Client, query: EventStreamQuery, calling: CallOptions): Promise<ExitCode> {
  let seen = query.after ?? '0'
  try {
    for await (const event of client.events.follow(query, calling)) {
      if (cli.json) cli.printJson(event)
      else if (event.type === 'reset') cli.tell(toldReset(seen))
      else cli.print(eventLine(event, cli.style))
      seen = event.type === 'reset' ? event.last_event_id : String(event.seq)
    }
    return exit.done
  } catch (error) {
    if (!cli.signal.aborted) throw error
    if (!cli.json)
      cli.tell(seen === '0' ? 'No longer followed.' : `No longer followed. Go on:  slipway events -f --after ${seen}`)
    return exit.interrupted
  }
}

function toldReset(after: string): string {
  return `(the log does not reach back to ${after}: some of what happened since is not in it any more)`
}

function placeOf(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text
  throw new InvalidArgumentError('It is the number that a line begins with, or the `seq` of an event.')
}
