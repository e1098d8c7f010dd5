import { type Command, Option } from 'commander'
import type { Client, UpdateWebhook } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { Refusal } from '../../refusal.ts'
import { changed } from '../../told.ts'
import { all, list } from '../../values.ts'
import { idsOf } from './about.ts'

interface Flags {
  readonly to?: string
  readonly types?: string[]
  readonly allTypes?: boolean
  readonly instance?: string[]
  readonly allInstances?: boolean
  /** False for `--no-description`. */
  readonly description?: string | false
  readonly enable?: boolean
  readonly disable?: boolean
}

/** `slipway webhooks update ID` */
export const update: CommandFile = {
  declare(command: Command) {
    command
      .argument('<id>', 'its id')
      .option('--to <url>', 'where events are sent from now on')
      .option('--types <types>', 'only these events: deploy.*,instance.healed', list)
      .addOption(new Option('--all-types', 'all events').conflicts('types'))
      .option('--instance <instance>', 'only of this one, by name or id; can be given several times', all)
      .addOption(new Option('--all-instances', 'of all instances').conflicts('instance'))
      .option('--description <text>', 'what it is for')
      .option('--no-description', 'without one')
      .option('--disable', 'it is told of nothing')
      .addOption(new Option('--enable', 'it is told of what happens from now on').conflicts('disable'))
    examples(
      command,
      'slipway webhooks update whk_… --types "deploy.*,instance.healed"',
      'slipway webhooks update whk_… --disable',
    )
  },
  async perform(cli: Cli, [id]: [string], flags: Flags) {
    const isChange = Object.keys(changeOf(flags, flags.instance)).length > 0
    if (!isChange) {
      throw new Refusal(
        exit.usage,
        'nothing_to_change',
        'Nothing is said that would change.',
        'See what can be said:  slipway webhooks update --help',
      )
    }
    const { signal } = cli
    const client = await cli.connect()
    const change = changeOf(flags, await instancesOf(cli, client, flags))
    // What is named is set, and nothing else: it does not matter what changed meanwhile.
    const webhook = await changing(
      () => client.webhooks.update(id, change, { signal, ifMatch: '*' }),
      `Look:  slipway webhooks get ${id}`,
    )
    return changed(cli, webhook, `${webhook.id} is changed. It is ${webhook.enabled ? 'enabled' : 'disabled'}.`)
  },
}

async function instancesOf(cli: Cli, client: Client, { instance }: Flags): Promise<string[] | undefined> {
  return instance === undefined ? undefined : await idsOf(cli, client, instance)
}

function changeOf(flags: Flags, instances: string[] | undefined): UpdateWebhook {
  const { to, types, allTypes, allInstances, description, enable, disable } = flags
  return {
    ...(to === undefined ? {} : { url: to }),
    ...(types === undefined ? {} : { types }),
    ...(allTypes ? { types: null } : {}),
    ...(instances === undefined ? {} : { instances }),
    ...(allInstances ? { instances: null } : {}),
    ...(description === undefined ? {} : { description: description === false ? null : description }),
    ...(enable ? { enabled: true } : {}),
    ...(disable ? { enabled: false } : {}),
  }
}
