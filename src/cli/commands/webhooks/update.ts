import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { findInstance } from '../../find.ts'
import { findWebhook } from '../../find-webhook.ts'
import { changing } from '../../interrupt.ts'
import { Refusal } from '../../refusal.ts'
import { changed } from '../../told.ts'
import { all } from '../../values.ts'

interface Options {
  readonly sendTo?: string
  readonly type?: string[]
  readonly allTypes?: true
  readonly instance?: string[]
  readonly allInstances?: true
  readonly description?: string
  readonly enable?: true
  readonly disable?: true
}

/** `slipway webhooks update WEBHOOK` */
export const update: CommandFile = {
  declare(command) {
    command
      .argument('<webhook>', 'its id, or the end of it')
      .option('--send-to <url>', 'where events are sent')
      .option('--type <type>', 'only events of this type, or of a family: deploy.*; several times for several', all)
      .option('--all-types', 'events of all types')
      .option('--instance <instance>', 'only of this one; several times for several', all)
      .option('--all-instances', 'of all instances')
      .option('--description <text>', 'what it is for')
      .option('--enable', 'send again, from now on')
      .option('--disable', 'send nothing')
    examples(
      command,
      'slipway webhooks update whk_01jd8xkz3mfy7t2v9q4b6n8r5w --disable',
      "slipway webhooks update 6n8r5w --type 'deploy.*' --type instance.deleted",
    )
  },
  async perform(cli, [text]: [string], options: Options) {
    const { sendTo, type, allTypes, instance, allInstances, description, enable, disable } = options
    if ((enable && disable) || (type && allTypes) || (instance && allInstances)) {
      throw new Refusal(exit.usage, 'contradiction', 'Two options say the opposite of each other.', 'Leave one out.')
    }
    if (
      !sendTo &&
      !type &&
      !allTypes &&
      !instance &&
      !allInstances &&
      description === undefined &&
      !enable &&
      !disable
    ) {
      throw new Refusal(exit.usage, 'nothing_to_change', 'Nothing is named that should change.', 'See --help')
    }
    const client = await cli.connect()
    const { signal } = cli
    const instances: string[] = []
    for (const one of instance ?? []) instances.push((await findInstance(client, one, { signal })).id)
    const webhook = await findWebhook(client, text, signal)
    const updated = await changing(
      () =>
        client.webhooks.update(
          webhook,
          {
            ...(sendTo === undefined ? {} : { url: sendTo }),
            ...(type ? { types: type } : allTypes ? { types: null } : {}),
            ...(instance ? { instances } : allInstances ? { instances: null } : {}),
            ...(description === undefined ? {} : { description }),
            ...(enable ? { enabled: true } : disable ? { enabled: false } : {}),
          },
          { signal },
        ),
      'Look:  slipway webhooks list',
    )
    return changed(cli, updated, `${updated.id} is ${updated.enabled ? 'enabled' : 'disabled'}, as it was asked for.`)
  },
}
