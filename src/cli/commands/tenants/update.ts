import { type Command, Option } from 'commander'
import type { UpdateTenant } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { Refusal } from '../../refusal.ts'
import { changed } from '../../told.ts'

interface Flags {
  /** False for `--no-title`. */
  readonly title?: string | false
  readonly suspend?: boolean
  readonly reason?: string
  readonly activate?: boolean
}

/** `slipway tenants update ID` */
export const update: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .option('--title <text>', 'what people call it')
      .option('--no-title', 'people call it by its id')
      .option('--suspend', 'it may start nothing new; what runs goes on')
      .option('--reason <text>', 'why it is suspended')
      .addOption(new Option('--activate', 'it may start things again').conflicts(['suspend', 'reason']))
    examples(
      command,
      'slipway tenants update acme --title "Acme Inc."',
      'slipway tenants update acme --suspend --reason "not paid since May"',
      'slipway tenants update acme --activate',
    )
  },
  async perform(cli: Cli, [id]: [string], flags: Flags) {
    const change = changeOf(flags)
    if (Object.keys(change).length === 0) {
      throw new Refusal(
        exit.usage,
        'nothing_to_change',
        'Nothing is said that would change.',
        'Say it:  --title TEXT, --no-title, --suspend, --reason TEXT or --activate',
      )
    }
    const client = await cli.connect()
    const { signal } = cli
    // What is named is set, and nothing else: it does not matter what changed meanwhile.
    const tenant = await changing(
      () => client.tenants.update(id, change, { signal, ifMatch: '*' }),
      `Look:  slipway tenants get ${id}`,
    )
    return changed(cli, tenant, `${tenant.id} is changed. It is ${tenant.state}.`)
  },
}

function changeOf({ title, suspend, reason, activate }: Flags): UpdateTenant {
  return {
    ...(title === undefined ? {} : { title: title === false ? null : title }),
    ...(suspend ? { state: 'suspended' as const } : {}),
    ...(activate ? { state: 'active' as const } : {}),
    ...(reason === undefined ? {} : { reason }),
  }
}
