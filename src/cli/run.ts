import { CommanderError } from 'commander'
import type { Cli } from './cli.ts'
import type { Listed } from './command.ts'
import { commands } from './commands.ts'
import { exit } from './exit.ts'
import { type Parsed, programOf } from './program.ts'
import { Refusal, type Told, toldOf } from './refusal.ts'
import { shown } from './shown.ts'
import { styleOf } from './style.ts'
import { version } from './version.ts'
import type { World } from './world.ts'

/**
 * Performs one command line, and answers the exit code. Data goes to stdout and the story to stderr; nothing of the process is touched.
 *
 * @example
 * process.exitCode = await run(process.argv.slice(2), worldOf(process))
 */
export async function run(argv: readonly string[], world: World): Promise<number> {
  const parsed: Parsed = {}
  let cli: Cli | undefined
  try {
    const program = await programOf(argv, world, parsed, started => void (cli = started))
    if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
      world.stdout.write(`slipway ${version()}\n`)
      return exit.done
    }
    if (argv.length === 0) {
      program.outputHelp()
      return exit.done
    }
    await program.parseAsync([...argv], { from: 'user' })
    return parsed.exitCode ?? exit.done
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exit.done
    const told = toldOf(error instanceof CommanderError ? usage(error, argv) : error)
    tell(told, world, cli?.json ?? argv.includes('--json'), argv.includes('--ascii'))
    if (told.code === 'internal' && world.env['SLIPWAY_DEBUG'] && error instanceof Error) {
      world.stderr.write(`${error.stack}\n`)
    }
    return told.exitCode
  } finally {
    cli?.dispose()
  }
}

function usage({ message, code }: CommanderError, argv: readonly string[]): Refusal {
  const help = `See:  slipway ${[...namedBy(argv), '--help'].join(' ')}`
  // A word that is only a group answers with its help, which says nothing of an error.
  if (code === 'commander.help')
    return new Refusal(exit.usage, 'usage', 'This needs one of the commands under it.', help)
  const [what = '', suggestion] = message.replace(/^error: /, '').split('\n')
  // What was one word too many may be a secret: it is not told again.
  const said = code === 'commander.excessArguments' ? what.replace(/( but got \d+).*/s, '$1.') : what
  const sentence = (said.charAt(0).toUpperCase() + said.slice(1)).replace(
    /^Command-argument value '(.*)' is invalid for argument '(.*)'\./s,
    "Argument '$2' can't be '$1'.",
  )
  return new Refusal(exit.usage, 'usage', sentence, ...(suggestion ? [suggestion.replace(/^\(|\)$/g, '')] : []), help)
}

/** The words with which a command line names its command, as far as there is one. */
function namedBy(argv: readonly string[]): string[] {
  const words: string[] = []
  let under: Readonly<Record<string, Listed>> = commands
  for (const word of argv) {
    const [name, entry] = Object.entries(under).find(([name, { alias }]) => word === name || word === alias) ?? []
    if (name === undefined || entry === undefined) break
    words.push(name)
    if (!('under' in entry)) break
    under = entry.under
  }
  return words
}

/** Tells why the command ends as it does: people on stderr; a program gets it as JSON there, so that stdout stays data. */
function tell(told: Told, world: World, json: boolean, ascii: boolean): void {
  if (json) {
    const { exitCode, requestId, what, ...more } = told
    const error = { ...more, message: what, exit_code: exitCode, ...(requestId ? { request_id: requestId } : {}) }
    world.stderr.write(`${JSON.stringify({ error })}\n`)
    return
  }
  const style = styleOf(world.stderr, world.env, ascii)
  const lines = [
    `${style.mood('bad', style.glyph('bad'))} ${style.bold(harmless(told.what))}`,
    ...[...told.why, ...told.next].map(line => `  ${harmless(line)}`),
    style.dim(`  (${[told.code, told.requestId].filter(part => part !== undefined).join(', ')})`),
  ]
  world.stderr.write(`${lines.join('\n')}\n`)
}

/** Text that may be of others, line for line: an error tells what a service wrote, or what somebody called a thing. */
function harmless(text: string): string {
  return text.split('\n').map(shown).join('\n')
}
