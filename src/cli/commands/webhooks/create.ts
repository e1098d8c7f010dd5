import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { findInstance } from '../../find.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { all } from '../../values.ts'

interface Options {
  readonly type?: string[]
  readonly instance?: string[]
  readonly description?: string
}

/** `slipway webhooks create URL` */
export const create: CommandFile = {
  declare(command) {
    command
      .argument('<url>', 'where events are sent')
      .option('--type <type>', 'only events of this type, or of a family: deploy.*; several times for several', all)
      .option('--instance <instance>', 'only of this one; several times for several', all)
      .option('--description <text>', 'what it is for')
    examples(
      command,
      "slipway webhooks create https://ops.example/slipway --type 'deploy.*'",
      'slipway webhooks create https://ops.example/slipway --instance shop',
    )
  },
  async perform(cli, [url]: [string], { type, instance = [], description }: Options) {
    const client = await cli.connect()
    const { signal } = cli
    const instances: string[] = []
    for (const one of instance) instances.push((await findInstance(client, one, { signal })).id)
    const webhook = await changing(
      () =>
        client.webhooks.create(
          {
            url,
            ...(type ? { types: type } : {}),
            ...(instances.length > 0 ? { instances } : {}),
            ...(description === undefined ? {} : { description }),
          },
          { signal },
        ),
      'Look, and rotate it if it is there, for its secret is lost:  slipway webhooks list',
    )
    if (cli.json) {
      cli.printJson(webhook)
      return exit.done
    }
    const { mood, glyph } = cli.storyStyle
    cli.print(webhook.secret)
    cli.tell(`${mood('good', glyph('good'))} ${webhook.id} sends to ${shown(webhook.url)} what happens from now on.`)
    cli.tell('  The secret that its requests are signed with stands on stdout, and is shown this once.')
    cli.tell(`  Try it:  slipway webhooks test ${webhook.id}`)
    return exit.done
  },
}
