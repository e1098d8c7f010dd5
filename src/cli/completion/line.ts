import type { Argument, Command, Option } from 'commander'

/** What a line says up to the word that is being typed. */
export interface Line {
  /** The command that its words lead to. */
  readonly command: Command
  /** What is typed so far of the last word; of `--option=value`, of the value. */
  readonly typed: string
  /** What stands before that in the same word. */
  readonly before: string
  /** What the last word is for: the value of an option, an argument, or nothing that the command takes. */
  readonly for: Option | Argument | undefined
  /** Whether an option can begin here. */
  readonly takesOptions: boolean
  /** Values of options that were said, by the long name without dashes. */
  readonly said: Readonly<Record<string, string>>
}

/** Reads the words of a line as the parser would, but an unfinished one; `=` may be a word of its own, as bash takes it. */
export function lineOf(program: Command, words: readonly string[]): Line {
  const said: Record<string, string> = {}
  let command = program
  let taken = 0
  let waiting: Option | undefined
  let ended = false
  const last = words.at(-1) ?? ''
  for (const word of words.slice(0, -1)) {
    const under = ended || taken > 0 ? undefined : named(command, word)
    if (waiting) {
      if (word === '=') continue
      said[waiting.name()] = word
      waiting = undefined
    } else if (word === '--') {
      ended = true
    } else if (!ended && word.startsWith('-')) {
      const [name, value] = split(word)
      const option = optionNamed(command, name)
      if (!option?.required) continue
      if (value === undefined) waiting = option
      else said[option.name()] = value
    } else if (under) {
      command = under
    } else {
      taken++
    }
  }
  const line = { command, said, before: '', takesOptions: false }
  if (waiting) return { ...line, typed: last === '=' ? '' : last, for: waiting }
  const [name = '', value] = ended ? [] : split(last)
  const option = value === undefined ? undefined : optionNamed(command, name)
  if (value !== undefined && option) return { ...line, typed: value, before: `${name}=`, for: option }
  const declared = command.registeredArguments
  const final = declared.at(-1)
  const argument = declared[taken] ?? (final?.variadic ? final : undefined)
  return { ...line, typed: last, for: argument, takesOptions: !ended }
}

function named(command: Command, word: string): Command | undefined {
  return command.commands.find(one => one.name() === word || one.aliases().includes(word))
}

function split(word: string): [name: string, value?: string] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

function optionNamed({ options }: Command, name: string): Option | undefined {
  return options.find(({ long, short }) => long === name || short === name)
}
