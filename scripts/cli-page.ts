import type { Command } from 'commander'
import { exitMeanings } from '../src/cli/exit.ts'
import { programOf } from '../src/cli/program.ts'
import type { World } from '../src/cli/world.ts'

/** docs/cli.md: every command with what it takes, made of the program itself. */
export async function cliPage(): Promise<string> {
  const program = await programOf('everything', world, {})
  const leaves = leavesOf(program, [])
  return [
    '# The command line',
    '',
    'Made from the program by `npm run docs:cli`. `slipway COMMAND --help` says the same, and [the quickstart](quickstart.md) shows it at work.',
    '',
    'Data goes to stdout and the story to stderr, so `slipway … --json | jq` sees nothing else. Every command takes',
    '',
    '| | |',
    '|---|---|',
    ...globalsOf(leaves).map(([flags, text]) => `| \`${flags}\` | ${cell(text)} |`),
    '',
    'Ctrl-C leaves what was started running, and says how to come back to it. What is asked on a terminal is said by a flag elsewhere.',
    '',
    '## Exit codes',
    '',
    '| | |',
    '|---|---|',
    ...Object.entries(exitMeanings).map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`),
    '',
    '## Commands',
    '',
    '| | |',
    '|---|---|',
    ...leaves.map(
      ({ words, command }) =>
        `| [\`slipway ${words.join(' ')}\`](#slipway-${words.join('-')}) | ${cell(command.description())} |`,
    ),
    '',
    ...leaves.flatMap(section),
  ].join('\n')
}

/** Documents are made in no place in particular. */
const nowhere = { write() {}, isTty: false, columns: 100, rows: 30, stream: process.stderr }
const world: World = {
  stdout: nowhere,
  stderr: nowhere,
  stdin: { isTty: false, stream: process.stdin },
  env: {},
  cwd: '/',
  home: '/',
  now: Date.now,
  onInterrupt: () => ({ dispose() {} }),
  onClosed: () => ({ dispose() {} }),
  onFailure: () => ({ dispose() {} }),
  leave() {},
}

interface Leaf {
  readonly words: readonly string[]
  readonly command: Command
}

function leavesOf(command: Command, words: readonly string[]): Leaf[] {
  const visible = command.createHelp().visibleCommands(command)
  if (visible.length === 0) return [{ words, command }]
  return visible.flatMap(child => leavesOf(child, [...words, child.name()]))
}

/** Options that every command has: told once. */
function globalsOf(leaves: readonly Leaf[]): [flags: string, text: string][] {
  const [first] = leaves
  if (!first) return []
  const shared = new Set(first.command.options.map(({ flags }) => flags))
  for (const { command } of leaves) {
    const own = new Set(command.options.map(({ flags }) => flags))
    for (const flags of shared) if (!own.has(flags)) shared.delete(flags)
  }
  return first.command.options
    .filter(({ flags }) => shared.has(flags))
    .map(({ flags, description }) => [flags, description])
}

function section({ words, command }: Leaf, _: number, leaves: readonly Leaf[]): string[] {
  const shared = new Set(globalsOf(leaves).map(([flags]) => flags))
  const options = command.options.filter(({ flags, hidden }) => !shared.has(flags) && !hidden)
  const takes = command.registeredArguments.map(argument => [argument.name(), argument.description] as const)
  const examples = examplesOf(command)
  return [
    `### slipway ${words.join(' ')}`,
    '',
    `${command.description()}.`,
    '',
    '```',
    `slipway ${words.join(' ')} ${command.usage()}`.trimEnd(),
    '```',
    '',
    ...(takes.some(([, text]) => text) || options.length > 0
      ? [
          '| | |',
          '|---|---|',
          ...takes.filter(([, text]) => text).map(([name, text]) => `| ${name} | ${cell(text)} |`),
          ...options.map(({ flags, description, defaultValue }) => {
            const fallback =
              defaultValue === undefined || typeof defaultValue === 'boolean'
                ? ''
                : ` (default: ${String(defaultValue)})`
            return `| \`${cell(flags)}\` | ${cell(description)}${fallback} |`
          }),
          '',
        ]
      : []),
    ...(examples.length > 0 ? ['```', ...examples, '```', ''] : []),
  ]
}

/** The examples of a command's help. */
function examplesOf(command: Command): string[] {
  let help = ''
  command.configureOutput({ writeOut: text => (help += text) })
  command.outputHelp()
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = '']) => line)
}

/** Text in a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
