import type { Project } from '../project/project.ts'

/** A project file to be written. */
export interface Draft {
  /** Its texts are as they are to stand in the file: `${NAME}` is filled in when it is read. */
  readonly project: Project
  /** What it was made from: `compose.yaml`. */
  readonly from: string
  /** What could not be carried over, or has to be looked at, a sentence each. */
  readonly notes: readonly string[]
}

/** A name that an instance or a service may have, as near to this one as can be. */
export function nameFrom(text: string, otherwise = 'app'): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return name === '' ? otherwise : name
}

/** The words of a command line; quotes hold some together. `undefined` when it takes a shell to understand it. */
function wordsOf(line: string): string[] | undefined {
  const words = line.match(word) ?? []
  // What is left over is half of a pair of quotes.
  if (words.length === 0 || line.replaceAll(word, '').trim() !== '' || forShells.test(line)) return undefined
  return words.map(text => text.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'))
}

const word = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g
/** Pipes, patterns, substitutions, defaults, and `NAME=value` before the command. */
const forShells = /[;&|<>()`*?~#\n\\]|\$\{\w*\W*[^}\w]|^\s*[A-Za-z_]\w*=/

/** A command that runs this line as it was meant. */
export function commandFrom(line: string): string[] {
  return wordsOf(line) ?? ['sh', '-c', line]
}
