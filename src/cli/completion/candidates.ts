import { readContexts } from '../contexts.ts'
import { programOf } from '../program.ts'
import type { World } from '../world.ts'
import { type Line, lineOf } from './line.ts'
import { deploymentsKnown, instancesKnown } from './server.ts'

/** What the last of these words can become. */
export async function candidatesFor(words: readonly string[], world: World): Promise<string[]> {
  const line = lineOf(await programOf(words, world, {}), words)
  const isOption = line.takesOptions && line.typed.startsWith('-')
  // A value that looks like an option would be taken for one.
  const candidates = isOption
    ? optionsOf(line)
    : (await valuesOf(line, world)).filter(value => line.before !== '' || !value.startsWith('-'))
  return candidates
    .filter(candidate => candidate.startsWith(line.typed) && isPlain(candidate))
    .map(candidate => line.before + candidate)
}

function optionsOf({ command }: Line): string[] {
  return [...command.options.filter(({ hidden }) => !hidden).map(({ long, short }) => long ?? short ?? ''), '--help']
}

async function valuesOf(line: Line, world: World): Promise<string[]> {
  // Help leaves out what is hidden.
  const { command } = line
  if (command.commands.length > 0)
    return command
      .createHelp()
      .visibleCommands(command)
      .map(one => one.name())
  if (line.for === undefined) return []
  if (line.for.argChoices) return [...line.for.argChoices]
  switch (line.for.name()) {
    case 'instance':
      return await instancesKnown(world, line.said, line.typed.includes('/'))
    case 'deployment':
      return await deploymentsKnown(world, line.said)
    case 'context':
      return Object.keys((await readContexts(world)).contexts)
    default:
      return []
  }
}

/** A shell takes a candidate as if it were typed: what it would read as more than one plain word is not offered. */
function isPlain(candidate: string): boolean {
  return /^[\w./:@+-]+$/.test(candidate)
}
