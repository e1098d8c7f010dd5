import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

/** Reads something that is not shown while it is typed. Only on a terminal; ends with 130 when it is interrupted. */
export async function askHidden(cli: Cli, message: string): Promise<string> {
  const { password } = await import('@clack/prompts')
  return answered(await password({ message, ...streamsOf(cli) }))
}

/** Reads a line. Only on a terminal; ends with 130 when it is interrupted. */
export async function askLine(cli: Cli, message: string): Promise<string> {
  const { text } = await import('@clack/prompts')
  return answered(await text({ message, ...streamsOf(cli) }))
}

/** What takes something away is asked for: on a terminal, or said as --yes. `what` tells what would be gone. Throws a `Refusal` otherwise. */
export async function confirmYes(cli: Cli, what: string): Promise<void> {
  if (cli.options.yes) return
  if (!canAsk(cli)) {
    throw new Refusal(
      exit.usage,
      'not_confirmed',
      `${what} That is asked for, and there is no terminal.`,
      'Say it with the command:  --yes',
    )
  }
  if (await confirm(cli, `${what} Go on?`)) return
  throw new Refusal(exit.usage, 'not_confirmed', 'Not confirmed: nothing was changed.')
}

async function confirm(cli: Cli, message: string): Promise<boolean> {
  const prompts = await import('@clack/prompts')
  const answer = await prompts.confirm({ message, initialValue: false, ...streamsOf(cli) })
  if (typeof answer === 'boolean') return answer
  throw new Refusal(exit.interrupted, 'interrupted', 'Interrupted: nothing was changed.')
}

/**
 * What destroys is confirmed by the name of what it destroys: typed on a terminal, or given as `--confirm-name`. Throws a `Refusal`
 * otherwise; what would be destroyed is told in `what`.
 */
export async function confirmName(cli: Cli, name: string, given: string | undefined, what: string): Promise<void> {
  const typed = given ?? (canAsk(cli) ? await askLine(cli, `${what} Type ${name} to confirm:`) : undefined)
  if (typed === name) return
  if (typed === undefined) {
    throw new Refusal(
      exit.usage,
      'not_confirmed',
      `${what} That is asked for, and there is no terminal.`,
      `Say it with the command:  --confirm-name ${name}`,
    )
  }
  throw new Refusal(exit.usage, 'not_confirmed', `${JSON.stringify(typed)} is not ${name}: nothing was changed.`)
}

/** Whether there is somebody to ask. */
export function canAsk({ world }: Cli): boolean {
  return world.stdin.isTty && world.stderr.isTty
}

function streamsOf(cli: Cli) {
  return { input: cli.world.stdin.stream, output: cli.world.stderr.stream, signal: cli.signal, withGuide: false }
}

function answered(answer: string | symbol | undefined): string {
  if (typeof answer === 'string') return answer
  throw new Refusal(exit.interrupted, 'interrupted', 'Interrupted: nothing was changed.')
}
