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

/** A limit: a whole number, or `none`. */
export function limit(text: string): number | 'none' {
  return text === 'none' ? 'none' : count(text)
}

/** An amount of memory: `512MiB`, `8GiB`, bytes, or `none`. */
export function memory(text: string): number | 'none' {
  if (text === 'none') return 'none'
  const [, amount, unit = ''] = /^(\d{1,12})(|KiB|MiB|GiB|TiB)$/.exec(text) ?? []
  if (amount === undefined) throw new InvalidArgumentError('It looks like 512MiB, 8GiB or none.')
  return Number(amount) * 1024 ** ['', 'KiB', 'MiB', 'GiB', 'TiB'].indexOf(unit)
}
