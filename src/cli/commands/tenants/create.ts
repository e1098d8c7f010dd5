import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { declareQuota, namesQuota, type QuotaOptions, quotaWith } from '../../quota-options.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway tenants create NAME` */
export const create: CommandFile = {
  declare(command) {
    command
      .argument('<name>', 'its id: small letters, digits and dashes')
      .option('--title <text>', 'what people call it')
    declareQuota(command)
    examples(
      command,
      'slipway tenants create acme --title "Acme Ltd."',
      'slipway tenants create acme --instances 20 --memory 64GiB',
    )
  },
  async perform(cli, [id]: [string], { title, ...options }: QuotaOptions & { title?: string }) {
    const client = await cli.connect()
    const tenant = await changing(
      () =>
        client.tenants.create(
          {
            id,
            ...(title === undefined ? {} : { title }),
            ...(namesQuota(options) ? { quota: quotaWith({}, options) } : {}),
          },
          { signal: cli.signal },
        ),
      'Look:  slipway tenants list',
    )
    return changed(
      cli,
      tenant,
      `${shown(tenant.id)} is there.`,
      `A token of it:  slipway tokens create NAME --scope admin --tenant ${shown(tenant.id)}`,
    )
  },
}
