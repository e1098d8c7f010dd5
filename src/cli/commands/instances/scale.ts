import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { exit } from '../../exit.ts'
import { Refusal } from '../../refusal.ts'
import { startOptions, type WatchFlags } from '../../watching.ts'
import { started } from './acts.ts'

/** `slipway instances scale INSTANCE SERVICE=N...` */
export const scale: CommandFile = {
  declare(command: Command) {
    startOptions(
      command
        .argument('<instance>', 'its name, tenant/name or id')
        .argument('<service=replicas...>', 'how many of each; the others stay as they are'),
    )
    examples(command, 'slipway instances scale shop web=3', 'slipway instances scale shop web=3 api=2 --detach')
  },
  perform(cli: Cli, [name, counts]: [string, string[]], flags: WatchFlags) {
    const replicas = replicasOf(counts)
    return started(cli, name, flags, (client, { id }, options) => client.instances.scale(id, replicas, options))
  },
}

function replicasOf(counts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    counts.map(text => {
      const [, service, count] = /^([a-z][a-z0-9-]*)=(\d{1,6})$/.exec(text) ?? []
      if (service !== undefined) return [service, Number(count)]
      throw new Refusal(
        exit.usage,
        'bad_count',
        `${JSON.stringify(text)} is not a service and a number of replicas.`,
        'It looks like:  web=3',
      )
    }),
  )
}
