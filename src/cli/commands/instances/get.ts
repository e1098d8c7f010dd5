import type { Command } from 'commander'
import type { OneInstance, ServiceStatus } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { cell, columns } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { instanceMeant } from '../../find.ts'
import type { Style } from '../../style.ts'
import { factLines } from '../../told.ts'

/** `slipway instances get INSTANCE` */
export const get: CommandFile = {
  declare(command: Command) {
    command.argument('<instance>', 'its name, tenant/name or id')
    examples(command, 'slipway instances get shop', 'slipway instances get acme/shop --json | jq .urls')
  },
  async perform(cli: Cli, [name]: [string]) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const [instance, { items }, release] = await Promise.all([
      client.instances.get(of.id, { signal }),
      client.instances.services(of.id, { signal }),
      of.current_release_id === undefined ? undefined : client.releases.get(of.current_release_id, { signal }),
    ])
    if (cli.json) {
      cli.printJson(instance)
      return exit.done
    }
    for (const line of linesOf(instance, items, release?.version, cli.style)) cli.print(line)
    return exit.done
  },
}

function linesOf(
  instance: OneInstance,
  services: readonly ServiceStatus[],
  version: number | undefined,
  style: Style,
): string[] {
  const { id, name, tenant_id, state, needs_attention, hosts, urls, provider, policies } = instance
  const facts: [string, string][] = [
    ['id', id],
    ['tenant', tenant_id],
    ['state', state],
    ['release', version === undefined ? '-' : `v${version}`],
    ['provider', provider],
    ...hosts.map((host): [string, string] => ['host', host]),
    ...Object.entries(urls).map(([service, url]): [string, string] => ['url', `${service}  ${url}`]),
    ...Object.entries(policies).map(([policy, value]): [string, string] => ['policy', `${policy} ${String(value)}`]),
    ...(needs_attention === undefined ? [] : ([['attention', needs_attention]] as [string, string][])),
  ]
  const rows = services.map(({ name, image, replicas, running }) => {
    const ready = running.filter(({ health }) => health === 'ready').length
    return [cell(name), `${ready}/${replicas}`, cell(image)]
  })
  return [...factLines(name, facts, style), '', ...columns(['SERVICE', 'READY', 'IMAGE'], rows)]
}
