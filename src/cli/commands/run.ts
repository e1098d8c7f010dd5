import type { Command } from 'commander'
import type { Client, LogLine, Task } from '../../client/index.ts'
import type { Cli } from '../cli.ts'
import { type CommandFile, examples } from '../command.ts'
import { secondsOf } from '../duration.ts'
import { exit } from '../exit.ts'
import { instanceMeant } from '../find.ts'
import { changing } from '../interrupt.ts'
import { Refusal } from '../refusal.ts'
import { shown } from '../shown.ts'

/** `slipway run INSTANCE SERVICE -- COMMAND` */
export const run: CommandFile = {
  declare(command: Command) {
    command
      .argument('<instance>', 'its name, tenant/name or id')
      .argument('<service>', 'whose image, environment and secrets it has')
      .argument('<command...>', 'program and arguments, after --; no shell is put around it')
      .option('--timeout <time>', 'stop it after this: 90s, 10m (default: 1h)', secondsOf)
      .option('-d, --detach', 'do not wait for it: print its id')
    examples(
      command,
      'slipway run shop web -- npm run migrate',
      `slipway run shop web -- sh -c 'echo $DATABASE_URL'`,
      'slipway run shop web --timeout 10m -- ./export.sh > export.csv',
    )
    command.addHelpText(
      'after',
      '\nWhat it writes is written here, and it ends as the command does. Ctrl-C stops the command; a second one leaves it alone.\nWith --json: its lines one by one, and at the end the task.',
    )
  },
  async perform(
    cli: Cli,
    [name, service, words]: [string, string, string[]],
    flags: { readonly timeout?: number; readonly detach?: boolean },
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
    if (!flags.detach) return await followed(cli, client, task)
    if (cli.json) cli.printJson(task)
    else cli.print(task.id)
    return exit.done
  },
}

/** Writes what the task writes, up to its end, and answers its exit code. */
async function followed(cli: Cli, client: Client, { id }: Task): Promise<number> {
  const over = new AbortController()
  let stopping: Promise<unknown> | undefined
  const listening = cli.world.onInterrupt(() => {
    if (stopping) {
      const left = new Refusal(exit.interrupted, 'interrupted', `Left alone while it is being stopped: ${id}.`)
      return over.abort(left)
    }
    cli.tell(`Stopping ${id}. Ctrl-C again does not wait for it.`)
    stopping = client.tasks.cancel(id, { signal: over.signal }).catch(async (error: unknown) => {
      // It may have ended by itself meanwhile, and then that is told.
      if (!over.signal.aborted && !(await ended(client, id))) over.abort(error)
    })
  })
  try {
    for await (const line of client.tasks.followLogs(id, { signal: over.signal })) write(cli, line)
    await stopping
    return told(cli, await client.tasks.get(id, { signal: over.signal }))
  } finally {
    listening.dispose()
    over.abort()
  }
}

async function ended(client: Client, id: string): Promise<boolean> {
  const { state } = await client.tasks.get(id)
  return state !== 'pending' && state !== 'running'
}

/** Each line where the command wrote it. What goes into a file or a pipe is left as it is. */
function write(cli: Cli, line: LogLine): void {
  if (cli.json) return cli.printJson(line)
  const output = cli.world[line.stream]
  output.write(`${output.isTty ? shown(line.text) : line.text}\n`)
}

function told(cli: Cli, task: Task): number {
  if (cli.json) cli.printJson(task)
  const { id, state, error, exit_code } = task
  if (state === 'succeeded') return exit.done
  if (state === 'cancelled') {
    if (!cli.json) cli.tell(`${id} was stopped.`)
    return exit.interrupted
  }
  if (!cli.json) cli.tell(`${id} failed: ${shown(error ?? `it ended with ${exit_code}`)}`)
  return exit_code || exit.unexpected
}
