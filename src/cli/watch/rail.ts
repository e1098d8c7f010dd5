import { spanOf } from '../ago.ts'
import { widthOf } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import { type Part, textOf } from './line.ts'
import type { Stage } from './stages.ts'

const moods = {
  pending: 'off',
  begun: 'moving',
  done: 'good',
  failed: 'bad',
} as const satisfies Record<Stage['state'], Mood>

/** The lengths of a rung that are tried, the longest that fits is drawn; with the times of each, and without. */
const tries = [
  [8, true],
  [5, true],
  [8, false],
  [5, false],
  [3, false],
  [2, false],
] as const

/** The ladder as it fits: `5% ━━━✔ 31s ─ 25% ━◐── 12s ─ 100% ────`. Undefined when not even the shortest does. */
export function railOf(
  stages: readonly Stage[],
  leftMs: number | undefined,
  columns: number,
  style: Style,
): Part[] | undefined {
  if (stages.length === 0) return undefined
  for (const [cells, timed] of tries) {
    const parts = stages.flatMap((stage, at): Part[] => [
      at === 0 ? '  ' : style.ascii ? ' - ' : ' ─ ',
      ...rung(stage, cells, style),
      ...(timed ? [['dim', timeOf(stage, leftMs)] as const] : []),
    ])
    if (widthOf(parts.map(textOf).join('')) <= columns) return parts
  }
  return undefined
}

function rung({ percent, state, done }: Stage, cells: number, style: Style): Part[] {
  const [full, empty] = style.ascii ? ['=', '-'] : ['━', '─']
  const mood = moods[state]
  if (state === 'pending') return [['dim', `${percent}% ${empty.repeat(cells)}`]]
  const before = state === 'done' ? cells - 1 : Math.min(cells - 1, Math.floor(done * cells))
  const after = cells - 1 - before
  return [
    [mood, `${percent}% ${full.repeat(before)}${style.glyph(mood)}`],
    ['dim', empty.repeat(after)],
  ]
}

function timeOf({ state, tookMs }: Stage, leftMs: number | undefined): string {
  if (state === 'pending' || tookMs === undefined) return ''
  if (state === 'begun' && leftMs !== undefined && leftMs > 0) return ` ${spanOf(leftMs)} left`
  return ` ${spanOf(tookMs)}`
}
