import type { Command } from 'commander'
import type { Accepted, AskOptions, Client, Instance } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { instanceMeant } from '../../find.ts'
import { changing } from '../../interrupt.ts'
import { shown } from '../../shown.ts'
import { changed } from '../../told.ts'
import { startOptions, type WatchFlags, watched } from '../../watching.ts'

/** `slipway instances stop INSTANCE` */
export const stop = act('takes everything of it down; what is declared stays', 'stop')

/** `slipway instances start INSTANCE` */
export const start = act('brings a stopped one up again', 'start')

/** `slipway instances restart INSTANCE [SERVICE...]` */
export const restart: CommandFile = {
  declare(command: Command) {
    startOptions(command.argument('<instance>', meaning).argument('[service...]', 'only these (default: all of them)'))
    examples(command, 'slipway instances restart shop', 'slipway instances restart shop web api')
  },
  perform: (cli, [name, services]: [string, string[]], flags: WatchFlags) =>
    started(cli, name, flags, (client, { id }, options) =>
      client.instances.restart(id, services.length > 0 ? { services } : {}, options),
    ),
}

/** `slipway instances adopt INSTANCE` */
export const adopt: CommandFile = {
  declare(command: Command) {
    command.argument('<instance>', meaning)
    examples(command, 'slipway instances adopt shop')
    command.addHelpText(
      'after',
      '\nFor one that needs attention: you have looked at it, and what is stored of it is what is wanted again.',
    )
  },
  async perform(cli: Cli, [name]: [string]) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const adopted = await changing(() => client.instances.adopt(of.id, { signal }), `Look:  slipway ps ${of.name}`)
    return changed(
      cli,
      adopted,
      `${of.name} is looked after again.`,
      ...(adopted.leaves?.map(replica => `Leaves once what is wanted is ready:  ${shown(replica)}`) ?? [
        'The platform did not answer: which replicas leave is not known yet.',
      ]),
    )
  },
}

const meaning = 'its name, tenant/name or id'

function act(does: string, what: 'stop' | 'start'): CommandFile {
  return {
    declare(command: Command) {
      startOptions(command.argument('<instance>', meaning))
      examples(command, `slipway instances ${what} shop`, `slipway instances ${what} acme/shop --detach`)
      command.addHelpText('after', `\nIt ${does}.`)
    },
    perform: (cli, [name]: [string], flags: WatchFlags) =>
      started(cli, name, flags, (client, { id }, options) => client.instances[what](id, options)),
  }
}

/** Asks for something that takes its time, and watches it. */
export async function started(
  cli: Cli,
  name: string,
  flags: WatchFlags,
  ask: (client: Client, instance: Instance, options: AskOptions) => Promise<Accepted>,
): Promise<number> {
  const { signal } = cli
  const { client, of } = await instanceMeant(cli, name)
  const accepted = await changing(() => ask(client, of, { signal }), `Look:  slipway ps ${of.name}`)
  return await watched(cli, client, accepted, flags)
}
