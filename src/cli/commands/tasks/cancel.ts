import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { changing } from '../../interrupt.ts'
import { changed } from '../../told.ts'

/** `slipway tasks cancel TASK` */
export const cancel: CommandFile = {
  declare(command: Command) {
    command.argument('<task>', 'its id, as slipway run tells it')
    examples(command, 'slipway tasks cancel task_01jd4m2k8h4q7v9x0c3n5r6t8w')
  },
  async perform(cli: Cli, [id]: [string]) {
    const { signal } = cli
    const client = await cli.connect()
    const task = await changing(() => client.tasks.cancel(id, { signal }), `Look:  slipway tasks watch ${id}`)
    return changed(cli, task, `${task.id} is being stopped.`, `See its end:  slipway tasks watch ${task.id}`)
  },
}
