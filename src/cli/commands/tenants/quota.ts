import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { hasLimits, type LimitFlags, limitOptions, quotaLines, quotaOf } from './limits.ts'

/** `slipway tenants quota ID` */
export const quota: CommandFile = {
  declare(command: Command) {
    limitOptions(command.argument('<id>', 'its id'))
    examples(
      command,
      'slipway tenants quota acme',
      'slipway tenants quota acme --instances 5 --memory 8GiB',
      'slipway tenants quota acme --replicas none',
    )
    command.addHelpText(
      'after',
      '\nLimits that are not named stay as they are. One below what is used takes nothing away.',
    )
  },
  async perform(cli: Cli, [id]: [string], flags: LimitFlags) {
    const client = await cli.connect()
    const { signal } = cli
    const seen = await client.tenants.quota(id, { signal })
    // All limits are set at once, so those that stay must be as they were seen.
    const use = hasLimits(flags)
      ? await changing(
          () => client.tenants.setQuota(id, quotaOf(flags, seen.limits), seen, { signal }),
          `Look:  slipway tenants quota ${id}`,
        )
      : seen
    if (cli.json) cli.printJson(use)
    else for (const line of quotaLines(use)) cli.print(line)
    return exit.done
  },
}
