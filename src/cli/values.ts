import { InvalidArgumentError } from 'commander'

/** For an option that can be given several times: all that were given. */
export function all(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** A whole number that is not negative. */
export function count(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number.')
}

/** A limit: a whole number, or `none`; it stays a word, as the parser takes `null` for an option without a value. */
export function limit(text: string): number | 'none' {
  return text === 'none' ? text : count(text)
}

/** An amount of memory: `512MiB`, `8GiB`, bytes, or `none`. */
export function memory(text: string): number | 'none' {
  if (text === 'none') return text
  const [, amount, unit = ''] = /^(\d{1,12})(|KiB|MiB|GiB|TiB)$/.exec(text) ?? []
  if (amount === undefined) throw new InvalidArgumentError('It looks like 512MiB, 8GiB or none.')
  return Number(amount) * 1024 ** ['', 'KiB', 'MiB', 'GiB', 'TiB'].indexOf(unit)
}

/** Words with commas between them. */
export function list(text: string): string[] {
  return text.split(',').map(word => word.trim())
}

/** An amount of memory as {@link memory} reads it, in the largest unit that says it exactly. */
export function memoryText(bytes: number): string {
  const units = ['', 'KiB', 'MiB', 'GiB', 'TiB']
  const at = bytes === 0 ? 0 : units.findLastIndex((_, at) => bytes % 1024 ** at === 0)
  return `${bytes / 1024 ** at}${units[at]}`
}
