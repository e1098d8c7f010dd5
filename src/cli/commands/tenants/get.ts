import { cell } from '../../columns.ts'
import { type CommandFile, examples } from '../../command.ts'
import { showed } from '../../told.ts'

/** `slipway tenants get TENANT` */
export const get: CommandFile = {
  declare(command) {
    command.argument('<tenant>', 'its id')
    examples(command, 'slipway tenants get acme')
  },
  async perform(cli, [id]: [string]) {
    const client = await cli.connect()
    const tenant = await client.tenants.get(id, { signal: cli.signal })
    return showed(cli, tenant, {
      id: cell(tenant.id),
      title: cell(tenant.title),
      state: tenant.state,
      ...(tenant.reason === undefined ? {} : { reason: cell(tenant.reason) }),
      created: tenant.created_at,
      by: cell(tenant.created_by),
    })
  },
}
