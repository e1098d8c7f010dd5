import type { InstanceItem, ServiceStatus } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { cell, columns } from '../columns.ts'
import { type CommandFile, examples } from '../command.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { fleetLines } from '../fleet.ts'
import { shown } from '../shown.ts'

interface Options {
  readonly allTenants?: boolean
}

/** `slipway ps` */
export const ps: CommandFile = {
  declare(command) {
    command
      .argument('[instance]', 'one of them, with its services')
      .option('-A, --all-tenants', 'for operators: those of every tenant')
    examples(command, 'slipway ps', 'slipway ps shop', 'slipway ps --json')
  },
  async perform(cli, [name]: [string | undefined], { allTenants }: Options) {
    const { signal } = cli
    if (name !== undefined) {
      const {
        client,
        of: { id },
      } = await instanceMeant(cli, name)
      const [instance, { items }] = await Promise.all([
        client.instances.get(id, { signal }),
        client.instances.services(id, { signal }),
      ])
      if (cli.json) cli.printJson({ ...instance, services: items })
      else tellOne(cli, instance, items)
      return exit.done
    }
    const client = await cli.connect()
    const tenant = allTenants ? '*' : (await everyTenant(cli, client)) ? '*' : undefined
    const options = { signal, ...(tenant === undefined ? {} : { tenant }) }
    const all: InstanceItem[] = []
    for await (const item of client.instances.list({ limit: 200 }, options))
      if (item.state !== 'deleted') all.push(item)
    if (cli.json) cli.printJson(all)
    else if (all.length === 0) {
      cli.tell('No instances yet. Describe your app and release it:  slipway init, then slipway deploy -f slipway.yaml')
    } else for (const line of fleetLines(all, cli.world.now(), cli.style)) cli.print(line)
    return exit.done
  },
}

/** An operator who works for no tenant in particular looks at all of them. */
async function everyTenant(cli: Cli, client: Awaited<ReturnType<Cli['connect']>>): Promise<boolean> {
  if ((await cli.settings()).tenant) return false
  return (await client.whoami({ signal: cli.signal })).operator === true
}

function tellOne(
  cli: Cli,
  instance: Pick<InstanceItem, 'name' | 'tenant_id' | 'state' | 'urls' | 'needs_attention'>,
  services: readonly ServiceStatus[],
): void {
  cli.print(`${cli.style.bold(shown(instance.name))}  tenant ${shown(instance.tenant_id)}  ${instance.state}`)
  if (instance.needs_attention !== undefined) cli.print(cli.style.mood('bad', shown(instance.needs_attention)))
  cli.print()
  const rows = services.map(({ name, image, replicas, rows, running }) => {
    const ready = running.filter(({ health, unwanted }) => health === 'ready' && !unwanted).length
    const routed = rows
      .filter(({ weight }) => weight > 0)
      .map(({ weight, revision }) => `${shortOf(revision)} ${weight}%`)
    const mood = ready >= replicas ? 'good' : ready > 0 ? 'moving' : 'bad'
    return [
      cell(name),
      cli.style.mood(mood, `${cli.style.glyph(mood)} ${ready}/${replicas}`),
      routed.length > 0 ? routed.join(', ') : '-',
      cell(image),
      cell(instance.urls[name]),
    ]
  })
  for (const line of columns(['SERVICE', 'READY', 'TRAFFIC', 'IMAGE', 'URL'], rows)) cli.print(line)
}

/** A revision as people tell it apart. */
function shortOf(revision: string): string {
  return revision.slice(0, 6)
}
