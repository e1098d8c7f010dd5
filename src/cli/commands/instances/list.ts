import type { Command } from 'commander'
import type { InstanceItem } from '../../../client/index.ts'
import { agoOf } from '../../ago.ts'
import type { Cli } from '../../cli.ts'
import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { listed as ofAll } from '../../find.ts'
import { listed } from '../../told.ts'

/** `slipway instances list` */
export const list: CommandFile = {
  declare(command: Command) {
    command
      .option('--status <states>', 'only in these states: running,stopped,needs_attention')
      .option('-q, --name <part>', 'only those with this in their name')
      .option('--all-tenants', 'for operators: those of every tenant')
    examples(command, 'slipway instances list', 'slipway instances list --status failed,needs_attention --json')
  },
  async perform(
    cli: Cli,
    _: unknown[],
    flags: { readonly status?: string; readonly name?: string; readonly allTenants?: boolean },
  ) {
    const { signal } = cli
    const client = await cli.connect(flags.allTenants ? '*' : undefined)
    const query = {
      limit: 200,
      ...(flags.status === undefined ? {} : { status: flags.status.split(',') }),
      ...(flags.name === undefined ? {} : { q: flags.name }),
    }
    const instances = await ofAll({ signal }, calling => Array.fromAsync(client.instances.list(query, calling)))
    const now = cli.world.now()
    return listed(
      cli,
      instances,
      ['ID', 'NAME', 'TENANT', 'STATE', 'RELEASE', 'SERVICES', 'CREATED'],
      instance => rowOf(instance, now),
      flags.status === undefined && flags.name === undefined
        ? 'No instances yet. Make one:  slipway instances create -f FILE'
        : 'No instance is like this. All of them:  slipway instances list',
    )
  },
}

function rowOf(instance: InstanceItem, now: number): string[] {
  const { id, name, tenant_id, state, needs_attention, release, services, created_at } = instance
  return [
    id,
    cell(name),
    cell(tenant_id),
    needs_attention === undefined ? state : 'needs attention',
    cell(release && `v${release.version}`),
    cell(services.map(({ name, replicas }) => `${name}=${replicas}`).join(' ')),
    agoOf(created_at, now),
  ]
}
