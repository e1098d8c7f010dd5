const levels = ['▁▂▃▄▅▆▇█', '_.-=+*%#'] as const

/** Values as a line of bars, the newest last and at most so many: against `full`, or the largest where that is more. */
export function spark(values: readonly number[], full: number | undefined, most: number, ascii: boolean): string {
  if (most <= 0) return ''
  const shown = values.filter(value => Number.isFinite(value)).slice(-most)
  const top = Math.max(full ?? 0, ...shown)
  const signs = levels[ascii ? 1 : 0]
  return shown
    .map(value => signs.charAt(top > 0 ? Math.max(0, Math.min(7, Math.floor((value / top) * 8))) : 0))
    .join('')
}
