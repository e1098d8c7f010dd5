import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { issued } from '../../told.ts'
import { all, list } from '../../values.ts'
import { aboutSecret, idsOf } from './about.ts'

interface Flags {
  readonly types?: string[]
  readonly instance?: string[]
  readonly description?: string
}

/** `slipway webhooks create URL` */
export const create: CommandFile = {
  declare(command: Command) {
    command
      .argument('<url>', 'where events are sent: https, and a public address unless the server is set up otherwise')
      .option('--types <types>', 'only these events: deploy.*,instance.healed (default: all)', list)
      .option('--instance <instance>', 'only of this one, by name or id; can be given several times', all)
      .option('--description <text>', 'what it is for')
    examples(
      command,
      'slipway webhooks create https://example.com/slipway --types "deploy.*"',
      'slipway webhooks create https://example.com/slipway --instance shop --json | jq -r .secret',
    )
  },
  async perform(cli: Cli, [url]: [string], { types, instance, description }: Flags) {
    const client = await cli.connect()
    const { signal } = cli
    const wanted = {
      url,
      ...(types === undefined ? {} : { types }),
      ...(instance === undefined ? {} : { instances: await idsOf(cli, client, instance) }),
      ...(description === undefined ? {} : { description }),
    }
    const made = await changing(() => client.webhooks.create(wanted, { signal }), 'Look:  slipway webhooks list')
    return issued(cli, made, `${made.id} is made.`, aboutSecret, `Try it:  slipway webhooks test ${made.id}`)
  },
}
