import type { Command } from 'commander'
import type { Cli } from './cli.ts'

/** A command: what it takes, and what it does. */
export interface CommandFile {
  /** Arguments, options and examples, for the parser and for help. */
  declare(command: Command): void
  /**
   * Does it, and answers how the process ends: an `ExitCode`, or that of a command that ran elsewhere. What goes wrong is thrown: a
   * `Refusal`, or what the client threw.
   * `args` are those declared, in their order; `options` are those of the command.
   */
  // Options are what `declare` says they are; the parser can't tell the compiler.
  // oxlint-disable-next-line typescript/no-explicit-any
  perform(cli: Cli, args: any[], options: any): Promise<number>
}

/** A command, or a word with commands under it, before it is loaded: help needs no more of it. */
export type Listed = {
  readonly summary: string
  /** A shorter word for it. */
  readonly alias?: string
  /** Not taught by `--help`, but there. */
  readonly hidden?: true
} & ({ load(): Promise<CommandFile> } | { readonly under: Readonly<Record<string, Listed>> })

/** Examples for the end of a command's help. */
export function examples(command: Command, ...lines: string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map(line => `  $ ${line}`).join('\n')}`)
}
