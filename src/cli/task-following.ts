import type { Client, LogLine, Task } from '../client/index.ts'
import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'
import { shown } from './shown.ts'

/** Writes what the task writes, up to its end, and answers its exit code. */
export async function followTask(
  cli: Cli,
  client: Client,
  { id }: Pick<Task, 'id'>,
  { cancelOnInterrupt = false }: { readonly cancelOnInterrupt?: boolean } = {},
): Promise<number> {
  const over = new AbortController()
  let stopping: Promise<unknown> | undefined
  const listening = cli.world.onInterrupt(() => {
    if (!cancelOnInterrupt) {
      return over.abort(
        left(
          `Detached: ${id} goes on.`,
          `Come back to it:  slipway tasks watch ${id}`,
          `Stop it:          slipway tasks cancel ${id}`,
        ),
      )
    }
    if (stopping) return over.abort(left(`Left alone while it is being stopped: ${id}.`))
    cli.tell(`Stopping ${id}. Ctrl-C again does not wait for it.`)
    stopping = client.tasks.cancel(id, { signal: over.signal }).catch(async (error: unknown) => {
      if (!over.signal.aborted && !(await ended(client, id, over.signal))) over.abort(error)
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

function left(message: string, ...next: string[]): Refusal {
  return new Refusal(exit.interrupted, 'interrupted', message, ...next)
}

/** It may have ended by itself meanwhile, and then that is told. Who can't be asked does not say so. */
async function ended(client: Client, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { state } = await client.tasks.get(id, { signal })
    return state !== 'pending' && state !== 'running'
  } catch (error) {
    void error // because why it could not be stopped is what is told
    return false
  }
}

/** Each line where the command wrote it. What goes into a file or a pipe is left as it is. */
function write(cli: Cli, line: LogLine): void {
  if (cli.json) return cli.printJson(line)
  const output = cli.world[line.stream]
  output.write(`${output.isTty ? shown(line.text) : line.text}\n`)
}

function told(cli: Cli, task: Task): number {
  if (cli.json) cli.printJson(task)
  const { id, state, error, error_code, exit_code } = task
  if (state === 'succeeded') return exit.done
  if (state === 'cancelled') {
    if (!cli.json) cli.tell(`${id} was stopped.`)
    // What a script must be able to tell from its own Ctrl-C.
    return exit.cancelled
  }
  if (!cli.json) cli.tell(`${id} failed: ${shown(error ?? `it ended with ${exit_code}`)}`)
  // As timeout(1) says it.
  if (error_code === 'task_timeout') return exit.timedOut
  return exit_code || exit.unexpected
}
