import type { Command } from 'commander'
import type { Cli } from '../../cli.ts'
import { type CommandFile, examples } from '../../command.ts'
import { followTask } from '../../task-following.ts'

/** `slipway tasks watch TASK` */
export const watch: CommandFile = {
  declare(command: Command) {
    command
      .argument('<task>', 'its id, as slipway run tells it')
      .option('--cancel-on-interrupt', 'Ctrl-C stops the command instead of leaving it alone')
    command.addHelpText(
      'after',
      '\nIt ends as the command does: with its exit code, 124 when it took too long, 7 when it was cancelled.',
    )
    examples(command, 'slipway tasks watch task_01jd4m2k8h4q7v9x0c3n5r6t8w')
  },
  async perform(cli: Cli, [id]: [string], flags: { readonly cancelOnInterrupt?: boolean }) {
    return await followTask(cli, await cli.connect(), { id }, flags)
  },
}
