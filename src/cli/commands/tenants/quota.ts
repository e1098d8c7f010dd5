import type { QuotaUse } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { columns } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { declareQuota, namesQuota, type QuotaOptions, quotaWith } from '../../quota-options.ts'
import { Refusal } from '../../refusal.ts'
import { shown } from '../../shown.ts'

/** `slipway tenants quota get TENANT` */
export const get: CommandFile = {
  declare(command) {
    command.argument('<tenant>', 'its id')
    examples(command, 'slipway tenants quota get acme')
  },
  async perform(cli, [id]: [string]) {
    const client = await cli.connect()
    write(cli, await client.tenants.quota(id, { signal: cli.signal }))
    return exit.done
  },
}

/** `slipway tenants quota set TENANT` */
export const set: CommandFile = {
  declare(command) {
    command.argument('<tenant>', 'its id')
    declareQuota(command)
    examples(
      command,
      'slipway tenants quota set acme --instances 20 --memory 64GiB',
      'slipway tenants quota set acme --replicas none',
    )
  },
  async perform(cli, [id]: [string], options: QuotaOptions) {
    if (!namesQuota(options)) {
      throw new Refusal(
        exit.usage,
        'nothing_to_change',
        'No limit is named.',
        'Say it:  --instances COUNT, --replicas COUNT, --deployments COUNT or --memory SIZE',
      )
    }
    const client = await cli.connect()
    const { signal } = cli
    const seen = await client.tenants.quota(id, { signal })
    const use = await changing(
      () => client.tenants.setQuota(id, quotaWith(seen.limits, options), seen, { signal }),
      `Look:  slipway tenants quota get ${id}`,
    )
    if (!cli.json)
      cli.tell(`${cli.storyStyle.mood('good', cli.storyStyle.glyph('good'))} ${shown(id)} may have, from now on:`)
    write(cli, use)
    return exit.done
  },
}

function write(cli: Cli, use: QuotaUse): void {
  if (cli.json) return cli.printJson(use)
  const names = {
    instances: 'instances',
    replicas: 'replicas',
    deployments: 'deployments',
    memory_bytes: 'memory',
  } as const
  const rows = Object.entries(names).map(([key, name]) => {
    const told = (value: number | undefined): string =>
      value === undefined ? 'no limit' : key === 'memory_bytes' ? sizeOf(value) : String(value)
    const limit = key as keyof typeof names
    return [name, told(use.used[limit]), told(use.limits[limit])]
  })
  for (const line of columns(['OF', 'USED', 'LIMIT'], rows)) cli.print(line)
}

/** An amount of memory in the largest unit that it is a whole number of. */
function sizeOf(bytes: number): string {
  const units = ['TiB', 'GiB', 'MiB', 'KiB']
  for (const [at, unit] of units.entries()) {
    const size = 1024 ** (units.length - at)
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return String(bytes)
}
