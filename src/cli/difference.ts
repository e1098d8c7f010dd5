import type { Difference } from '../client/index.ts'
import { cell, columns } from './columns.ts'
import { shown } from './shown.ts'
import type { Style } from './style.ts'

/** What differs, a line each: service, field, and what it was and becomes. Values of secrets are not among it. */
export function differenceLines(differences: readonly Difference[], { arrow }: Pick<Style, 'arrow'>): string[] {
  const rows = differences.map(({ service, field, change, from, to }) => {
    const sign = change === 'added' ? '+' : change === 'removed' ? '-' : '~'
    const name = field === undefined ? 'service' : field.replace('.', ' ')
    return [sign, cell(service), cell(name), valueOf(change, from, to, arrow)]
  })
  // The heading is there for its widths only: signs tell enough.
  return rows.length === 0
    ? []
    : columns(['', '', '', ''], rows)
        .slice(1)
        .map(line => `  ${line}`)
}

function valueOf(change: Difference['change'], from: unknown, to: unknown, arrow: string): string {
  if (from === undefined && to === undefined) return `${change} (value not shown)`
  if (change === 'added') return said(to)
  if (change === 'removed') return said(from)
  return `${said(from)} ${arrow} ${said(to)}`
}

function said(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '-')
  const clean = shown(text)
  return clean.length > 120 ? `${clean.slice(0, 119)}…` : clean
}
