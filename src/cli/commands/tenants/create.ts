import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { changed } from '../../told.ts'
import { hasLimits, type LimitFlags, limitOptions, quotaOf } from './limits.ts'

/** `slipway tenants create ID` */
export const create: CommandFile = {
  declare(command: Command) {
    limitOptions(
      command
        .argument('<id>', 'its id, which is in the host names of its instances')
        .option('--title <text>', 'what people call it'),
    )
    examples(command, 'slipway tenants create acme', 'slipway tenants create acme --title "Acme Inc." --instances 5')
  },
  async perform(cli: Cli, [id]: [string], flags: LimitFlags & { readonly title?: string }) {
    const client = await cli.connect()
    const { signal } = cli
    const wanted = {
      id,
      ...(flags.title === undefined ? {} : { title: flags.title }),
      ...(hasLimits(flags) ? { quota: quotaOf(flags) } : {}),
    }
    const tenant = await changing(() => client.tenants.create(wanted, { signal }), `Look:  slipway tenants get ${id}`)
    return changed(
      cli,
      tenant,
      `${tenant.id} is created.`,
      `A token for it:  slipway tokens create ci --scope deploy --tenant ${tenant.id}`,
    )
  },
}
