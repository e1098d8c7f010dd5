/** The words of a command line; quotes hold some together. `undefined` when it takes a shell to understand it. */
function wordsOf(line: string): string[] | undefined {
  const words = line.match(word) ?? []
  // What is left over is half of a pair of quotes.
  if (words.length === 0 || line.replaceAll(word, '').trim() !== '' || forShells.test(line)) return undefined
  return words.map(text => text.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'))
}

const word = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g
/** Pipes, patterns, substitutions and defaults. */
const forShells = /[;&|<>()`*?~#\n\\]|\$\{\w*\W*[^}\w]/
/** A variable for this command alone. */
const assignment = /^[A-Za-z_]\w*=/

/** A command that runs this line as it was meant: without a shell where that can be, so that nobody stands between it and its signals. */
export function commandFrom(line: string): string[] {
  const words = wordsOf(line)
  if (!words || words.every(text => assignment.test(text))) return ['sh', '-c', line]
  return assignment.test(words[0] ?? '') ? ['env', ...words] : words
}
