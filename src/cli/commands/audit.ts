import { InvalidArgumentError, Option } from 'commander'
import type { AuditEntry, AuditQuery } from '../../client/index.ts'
import { agoOf } from '../ago.ts'
import { cell, columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { findInstance, listed } from '../find.ts'
import { momentOf } from '../moment.ts'
import { count } from '../values.ts'

interface Options {
  readonly actor?: string
  readonly action?: string
  readonly object?: string
  readonly instance?: string
  readonly since?: string
  readonly until?: string
  readonly count: number
  readonly csv?: boolean
  readonly ndjson?: boolean
}

/** `slipway audit` */
export const audit: CommandFile = {
  declare(command) {
    command
      .option('--actor <name>', 'only what this one did')
      .option('--action <actions>', 'only these: deployment.create,token.revoke')
      .option('--object <id>', 'only what was done to this')
      .option('--instance <instance>', 'only of this one: its name, tenant/name or id')
      .option('--since <time>', 'not before: 15m, 12h, 7d ago, or a time')
      .option('--until <time>', 'before')
      .option('-n, --count <n>', 'so many of the newest', some, 50)
      .addOption(new Option('--csv', 'all of them as a file, a line each').conflicts(['ndjson', 'json']))
      .addOption(new Option('--ndjson', 'all of them as a file, a JSON object a line').conflicts('json'))
    examples(
      command,
      'slipway audit --since 7d',
      'slipway audit --action token.create,token.revoke',
      'slipway audit --csv > audit.csv',
    )
  },
  async perform(cli, _args, options: Options) {
    const { signal } = cli
    const client = await cli.connect()
    const now = cli.world.now()
    const { actor, action, object, since, until } = options
    const filter = {
      ...(actor === undefined ? {} : { actor }),
      ...(action === undefined ? {} : { action }),
      ...(object === undefined ? {} : { object }),
      ...(since === undefined ? {} : { since: momentOf(since, now, '--since') }),
      ...(until === undefined ? {} : { until: momentOf(until, now, '--until') }),
      ...(options.instance === undefined
        ? {}
        : { instance_id: (await findInstance(client, options.instance, { signal })).id }),
    }
    if (options.csv || options.ndjson) {
      const format = options.csv ? 'csv' : 'ndjson'
      cli.world.stdout.write(await listed({ signal }, calling => client.audit.export({ ...filter, format }, calling)))
      return exit.done
    }
    const entries = await listed({ signal }, async calling => {
      const found: AuditEntry[] = []
      const query: AuditQuery = { ...filter, limit: Math.min(options.count, 200) }
      for await (const entry of client.audit.list(query, calling)) if (found.push(entry) >= options.count) break
      return found
    })
    if (cli.json) cli.printJson(entries)
    else if (entries.length === 0) cli.tell('Nobody did anything like this. Who did what at all:  slipway audit')
    else {
      const rows = entries.map(entry => rowOf(entry, now))
      for (const line of columns(['WHEN', 'ACTOR', 'ACTION', 'OBJECT', 'TENANT', 'FROM', 'REQUEST'], rows))
        cli.print(line)
    }
    return exit.done
  },
}

function rowOf({ created_at, actor, action, object, tenant_id, origin }: AuditEntry, now: number): string[] {
  return [
    agoOf(created_at, now),
    cell(actor),
    action,
    cell(object.name === undefined ? object.id : `${object.name} ${object.id}`),
    cell(tenant_id),
    cell([origin?.via, origin?.address].filter(part => part !== undefined).join(' ')),
    cell(origin?.request_id),
  ]
}

function some(text: string): number {
  const number = count(text)
  if (number > 0) return number
  throw new InvalidArgumentError('It is at least 1.')
}
