import { Command, Option } from 'commander'
import { type Cli, cliOf, type GlobalOptions } from './cli.ts'
import type { CommandFile, Listed } from './command.ts'
import { commands } from './commands.ts'
import { exitMeanings } from './exit.ts'
import type { World } from './world.ts'

/** What happened to the command line once it was parsed. */
export interface Parsed {
  exitCode?: number
}

/**
 * The parser for this command line. Only the command that it names is loaded; `everything` loads all, for documents and completion.
 */
export async function programOf(
  argv: readonly string[] | 'everything',
  world: World,
  parsed: Parsed,
  start: (cli: Cli) => void = () => {},
): Promise<Command> {
  const program = dressed(new Command('slipway'), world)
    .description('Releases software for many customers: moves real traffic, undoes itself, rolls back in milliseconds.')
    .option('-V, --version', 'print the version')
    .helpCommand(false)
  program.addHelpText('after', closing)
  const wanted = argv === 'everything' ? undefined : argv.filter(word => !word.startsWith('-'))
  await add(program, commands, wanted, async (file, command, args) => {
    const options = command.optsWithGlobals<GlobalOptions>()
    const cli = cliOf(world, options)
    start(cli)
    parsed.exitCode = await file.perform(cli, args, options)
  })
  return program
}

type Act = (file: CommandFile, command: Command, args: unknown[]) => Promise<void>

/** Adds what is listed; of a command that is not `wanted`, its name and summary are enough. */
async function add(
  parent: Command,
  listed: Readonly<Record<string, Listed>>,
  wanted: readonly string[] | undefined,
  act: Act,
): Promise<void> {
  for (const [name, entry] of Object.entries(listed)) {
    const command = parent.createCommand(name).description(entry.summary).copyInheritedSettings(parent)
    parent.addCommand(command, { hidden: entry.hidden === true })
    if (entry.alias !== undefined) command.alias(entry.alias)
    const isWanted =
      wanted === undefined || wanted[0] === name || (wanted[0] !== undefined && wanted[0] === entry.alias)
    if ('under' in entry) {
      command.helpCommand(false)
      if (isWanted) await add(command, entry.under, wanted?.slice(1), act)
      continue
    }
    if (!isWanted) continue
    const file = await entry.load()
    file.declare(command)
    for (const option of globals()) command.addOption(option)
    command.action(async (...given: unknown[]) => await act(file, command, given.slice(0, -2)))
  }
}

function globals(): Option[] {
  return [
    new Option('--json', 'data as JSON on stdout'),
    new Option('--context <name>', 'the server and token to use (env: SLIPWAY_CONTEXT)'),
    new Option('--url <url>', 'the server (env: SLIPWAY_URL; the token comes from SLIPWAY_TOKEN)'),
    new Option('--tenant <id>', 'for operators: the tenant to work for (env: SLIPWAY_TENANT)'),
    new Option('-y, --yes', 'answer yes where it would ask'),
    new Option('--ascii', 'no characters beyond ASCII in what is drawn'),
  ]
}

function dressed(command: Command, { stdout, stderr, env }: World): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false, sortOptions: false })
    .configureOutput({
      writeOut: text => stdout.write(text),
      // Errors are told once, by whoever runs the program.
      writeErr: () => {},
      getOutHelpWidth: () => (stdout.isTty ? stdout.columns : 100),
      getErrHelpWidth: () => (stderr.isTty ? stderr.columns : 100),
      getOutHasColors: () => stdout.isTty && !env['NO_COLOR'],
      getErrHasColors: () => stderr.isTty && !env['NO_COLOR'],
    })
}

const closing = `
Begin:      slipway demo          see it move
            slipway up            a server on this machine
            slipway init          a slipway.yaml for what is in this folder
Exit codes: ${Object.entries(exitMeanings)
  .map(([code, meaning]) => `${code.padStart(3)}  ${meaning}`)
  .join('\n            ')}
`
