import { shown, widthOf } from './shown.ts'

/** Lines of a table: a heading, and columns as wide as they need to be. Text is made harmless; the last column is not padded. */
export function columns(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heading, ...rows]
  const widths = heading.map((_, at) => Math.max(...all.map(row => widthOf(row[at] ?? ''))))
  return all.map(row =>
    heading
      .map((_, at) => {
        const text = row[at] ?? ''
        return at === heading.length - 1 ? text : text + ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(text)))
      })
      .join('  ')
      .trimEnd(),
  )
}

/** A value in a cell; what is not there is a dash. */
export function cell(value: string | number | undefined): string {
  return value === undefined || value === '' ? '-' : shown(String(value))
}
