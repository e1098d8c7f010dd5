import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { secondsOf } from '../duration.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { followTask } from '../task-following.ts'

/** `slipway run INSTANCE SERVICE -- COMMAND` */
export const run: CommandFile = {
  declare(command: Command) {
    command
      .argument('<instance>', 'its name, tenant/name or id')
      .argument('<service>', 'whose image, environment and secrets it has')
      .argument('<command...>', 'program and arguments, after --; no shell is put around it')
      .option('--timeout <time>', 'stop it after this: 90s, 10m (default: 1h)', secondsOf)
      .option('-d, --detach', 'do not wait for it: print its id')
      .option('--cancel-on-interrupt', 'Ctrl-C stops the command instead of leaving it alone')
    examples(
      command,
      'slipway run shop web -- npm run migrate',
      `slipway run shop web -- sh -c 'echo $DATABASE_URL'`,
      'slipway run shop web --timeout 10m -- ./export.sh > export.csv',
    )
    command.addHelpText(
      'after',
      '\nWhat it writes is written here, and it ends as the command does: with its exit code, 124 when it took too long, 7 when it was cancelled. Ctrl-C leaves it running, and ends with 130.\nWith --json: its lines one by one, and at the end the task.',
    )
  },
  async perform(
    cli: Cli,
    [name, service, words]: [string, string, string[]],
    flags: { readonly timeout?: number; readonly detach?: boolean; readonly cancelOnInterrupt?: boolean },
  ) {
    const { signal } = cli
    const { client, of } = await instanceMeant(cli, name)
    const request = {
      service,
      command: words,
      ...(flags.timeout === undefined ? {} : { timeout_seconds: flags.timeout }),
    }
    const task = await changing(
      () => client.tasks.run(of.id, request, { signal }),
      'Look:  slipway events --type task.queued',
    )
    if (!flags.detach) return await followTask(cli, client, task, flags)
    if (cli.json) cli.printJson(task)
    else {
      cli.print(task.id)
      cli.tell(`Come back to it:  slipway tasks watch ${task.id}`)
    }
    return exit.done
  },
}
