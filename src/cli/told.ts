import type { Cli } from './cli.ts'
import { columns } from './columns.ts'
import { type ExitCode, exit } from './exit.ts'

/** Ends a command that changed something: the thing itself for programs, a sentence and what comes next for people. */
export function changed(cli: Cli, thing: unknown, sentence: string, ...more: string[]): ExitCode {
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

/** Ends a command that shows one thing: the object for programs, a name and a value a line for people. */
export function showed(cli: Cli, thing: unknown, fields: Readonly<Record<string, string>>): ExitCode {
  if (cli.json) cli.printJson(thing)
  else {
    const width = Math.max(...Object.keys(fields).map(name => name.length))
    for (const [name, value] of Object.entries(fields)) cli.print(`${name.padEnd(width)}  ${value}`.trimEnd())
  }
  return exit.done
}
