import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** A fenced block of code. */
export interface Block {
  /** What stands after the fence: `ts`, `sh`, or nothing. */
  readonly language: string
  readonly code: string
}

/** Every document that comes with the repository, by its path from the root. */
export function documents(): string[] {
  const beside = readdirSync(root).filter(name => name.endsWith('.md'))
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name))
  return [...beside, ...below].map(name => relative('', name).replaceAll(sep, '/')).toSorted()
}

/** The text of a document. */
export function textOf(document: string): string {
  return readFileSync(join(root, document), 'utf8')
}

/** The blocks of code in a text, in order. */
export function blocksOf(text: string): Block[] {
  const found = text.matchAll(/^```(?<language>\w*)\n(?<code>.*?)^```$/gms)
  return [...found].map(({ groups = {} }) => ({ language: groups['language'] ?? '', code: groups['code'] ?? '' }))
}

/** The text without its blocks of code. */
export function proseOf(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '')
}

/** What stands in backticks in the prose of a text. */
export function namesIn(text: string): string[] {
  return [...proseOf(text).matchAll(/`(?<name>[^`\n]+)`/g)].map(({ groups = {} }) => groups['name'] ?? '')
}

/** The part of a text under this heading, up to the next of the same rank or above. */
export function sectionOf(text: string, heading: string): string {
  const lines = text.split('\n')
  const isHeading = (line: string) => /^#+ /.test(line)
  const start = lines.findIndex(line => isHeading(line) && line.replace(/^#+ /, '') === heading)
  if (start < 0) throw new Error(`There is no heading "${heading}".`)
  const rank = (line: string) => line.indexOf(' ')
  const own = rank(lines[start] ?? '')
  const length = lines.slice(start + 1).findIndex(line => isHeading(line) && rank(line) <= own)
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** The rows of the tables in a text, without their heads: each a list of cells. */
export function rowsIn(text: string): string[][] {
  const rows = text.split('\n').map(line =>
    line.startsWith('|')
      ? line
          .split('|')
          .slice(1, -1)
          .map(cell => cell.trim())
      : undefined,
  )
  return rows.flatMap((row, index) => {
    const isRule = (cells: readonly string[] | undefined) => cells?.every(cell => /^:?-+:?$/.test(cell)) === true
    return row && !isRule(row) && !isRule(rows[index + 1]) ? [row] : []
  })
}
