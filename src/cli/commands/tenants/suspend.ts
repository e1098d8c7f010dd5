import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway tenants suspend TENANT` */
export const suspend: CommandFile = {
  declare(command) {
    command.argument('<tenant>', 'its id').option('--reason <text>', 'why; it is told to whoever is refused')
    examples(command, 'slipway tenants suspend acme --reason "invoice 4711 is open"')
  },
  async perform(cli, [id]: [string], { reason }: { reason?: string }) {
    const client = await cli.connect()
    const { signal } = cli
    const tenant = await client.tenants.get(id, { signal })
    const updated = await changing(
      () =>
        client.tenants.update(tenant, { state: 'suspended', ...(reason === undefined ? {} : { reason }) }, { signal }),
      `Look:  slipway tenants get ${id}`,
    )
    return changed(
      cli,
      updated,
      `${shown(id)} is suspended: it takes no new work, and what runs runs on.`,
      `Undo it:  slipway tenants activate ${shown(id)}`,
    )
  },
}

/** `slipway tenants activate TENANT` */
export const activate: CommandFile = {
  declare(command) {
    command.argument('<tenant>', 'its id')
    examples(command, 'slipway tenants activate acme')
  },
  async perform(cli, [id]: [string]) {
    const client = await cli.connect()
    const { signal } = cli
    const tenant = await client.tenants.get(id, { signal })
    const updated = await changing(
      () => client.tenants.update(tenant, { state: 'active' }, { signal }),
      `Look:  slipway tenants get ${id}`,
    )
    return changed(cli, updated, `${shown(id)} is active.`)
  },
}
