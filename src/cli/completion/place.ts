import { type Argument, Command, type Option } from 'commander'
import type { Listed } from '../command.ts'

/** Something that could be typed next. */
export interface Candidate {
  readonly text: string
  readonly about: string
}

/** What stands at the place that is completed: words that are known, or things of a kind. */
export type Place =
  | { readonly kind: 'words'; readonly words: readonly Candidate[] }
  | { readonly kind: 'things'; readonly of: string }

const nothing: Place = { kind: 'words', words: [] }

/** The place after these words, in which `current` is being typed. */
export async function placeOf(
  commands: Readonly<Record<string, Listed>>,
  before: readonly string[],
  current: string,
  everywhere: readonly Option[],
): Promise<Place> {
  let under = commands
  for (const [at, word] of before.entries()) {
    const [, entry] = Object.entries(under).find(([name, { alias }]) => word === name || word === alias) ?? []
    if (!entry) return nothing
    if ('under' in entry) {
      under = entry.under
      continue
    }
    const command = new Command()
    ;(await entry.load()).declare(command)
    return inCommand(command, everywhere, before.slice(at + 1), current)
  }
  const words = Object.entries(under).flatMap(([text, { hidden, summary }]) =>
    hidden ? [] : [{ text, about: summary }],
  )
  return { kind: 'words', words }
}

function inCommand(command: Command, everywhere: readonly Option[], before: readonly string[], current: string): Place {
  const options = [...command.options, ...everywhere].filter(({ hidden }) => !hidden)
  let place = 0
  let onlyArguments = false
  let waiting: Option | undefined
  for (const word of before) {
    if (waiting) waiting = undefined
    else if (onlyArguments || !word.startsWith('-') || word === '-') place++
    else if (word === '--') onlyArguments = true
    else if (!word.includes('='))
      waiting = options.find(({ long, short, required }) => required && (word === long || word === short))
  }
  if (waiting) return valuesOf(waiting.argChoices, waiting.attributeName())
  if (!onlyArguments && current.startsWith('-')) {
    return {
      kind: 'words',
      words: options.map(({ long, short, description }) => ({ text: long ?? short ?? '', about: description })),
    }
  }
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  const argument: Argument | undefined = registeredArguments[place] ?? (last?.variadic ? last : undefined)
  return argument ? valuesOf(argument.argChoices, argument.name()) : nothing
}

function valuesOf(choices: readonly string[] | undefined, name: string): Place {
  if (choices) return { kind: 'words', words: choices.map(text => ({ text, about: '' })) }
  return { kind: 'things', of: name }
}
