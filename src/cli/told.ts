import type { Cli } from './cli.ts'
import { columns } from './columns.ts'
import { type ExitCode, exit } from './exit.ts'
import { shown } from './shown.ts'
import type { Style } from './style.ts'

/** Ends a command that changed something: the thing itself for programs, a sentence and what comes next for people. */
export function changed(cli: Cli, thing: unknown, sentence: string, ...more: readonly string[]): ExitCode {
  if (cli.json) cli.printJson(thing)
  else {
    cli.tell(`${cli.storyStyle.mood('good', cli.storyStyle.glyph('good'))} ${sentence}`)
    for (const line of more) cli.tell(line === '' ? '' : `  ${line}`)
  }
  return exit.done
}

/** Ends a command that lists: an array for programs, a table for people, and where there is nothing what to do about it. */
export function listed<T>(
  cli: Cli,
  items: readonly T[],
  heading: readonly string[],
  row: (item: T) => readonly string[],
  nothing: string,
): ExitCode {
  if (cli.json) cli.printJson(items)
  else if (items.length === 0) cli.tell(nothing)
  else for (const line of columns(heading, items.map(row))) cli.print(line)
  return exit.done
}

/**
 * Ends a command that made a secret, which is shown this once: alone on stdout, so that it can be piped to where it is kept. The thing
 * itself for programs.
 */
export function issued(
  cli: Cli,
  thing: { readonly secret: string },
  sentence: string,
  ...more: readonly string[]
): ExitCode {
  if (!cli.json) cli.print(thing.secret)
  return changed(cli, thing, sentence, ...more)
}

/** A thing by its name, and below it what there is to know of it, a word and a value a line. What others wrote is made harmless. */
export function factLines(name: string, facts: readonly (readonly [string, string])[], { bold }: Style): string[] {
  const width = Math.max(...facts.map(([word]) => word.length))
  return [bold(shown(name)), ...facts.map(([word, value]) => `  ${word.padEnd(width)}  ${shown(value)}`)]
}
