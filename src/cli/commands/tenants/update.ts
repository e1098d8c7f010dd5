import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { changing } from '../../interrupt.ts'
import { Refusal } from '../../refusal.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'

/** `slipway tenants update TENANT` */
export const update: CommandFile = {
  declare(command) {
    command
      .argument('<tenant>', 'its id')
      .option('--title <text>', 'what people call it')
      .option('--no-title', 'without a title')
    examples(command, 'slipway tenants update acme --title "Acme Ltd."')
  },
  async perform(cli, [id]: [string], { title }: { title?: string | boolean }) {
    if (typeof title !== 'string' && title !== false) {
      throw new Refusal(
        exit.usage,
        'nothing_to_change',
        'Nothing is named that should change.',
        'Say it:  --title TEXT or --no-title',
      )
    }
    const client = await cli.connect()
    const { signal } = cli
    const tenant = await client.tenants.get(id, { signal })
    const updated = await changing(
      () => client.tenants.update(tenant, { title: title === false ? null : title }, { signal }),
      `Look:  slipway tenants get ${id}`,
    )
    return changed(
      cli,
      updated,
      `${shown(id)} is called ${updated.title === undefined ? 'nothing else' : shown(updated.title)} from now on.`,
    )
  },
}
