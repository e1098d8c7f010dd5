import { spanOf } from '../ago.ts'
import { fit, shown, widthOf } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import { type Finding, keyOf, limitOf, valueText } from './findings.ts'
import type { Part } from './line.ts'
import { spark } from './spark.ts'
import { isOver, type Story } from './story.ts'

/** A check with all that it found while the hold lasts. */
type Measured = Finding & { readonly values: readonly number[]; readonly known: boolean }

/** Lines of what a hold measures; those of checks that fail can be told from the others. */
export interface GateLines {
  readonly bad: readonly Part[][]
  readonly rest: readonly Part[][]
}

/** How long the hold that a deployment is in still lasts at least, milliseconds: time in which replicas are not ready does not count. */
export function holdLeftMs({ deployment, undo }: Pick<Story, 'deployment' | 'undo'>, now: number): number | undefined {
  const under = deployment.steps.find(({ phase, state }) => phase === 'forward' && state === 'begun')
  if (isOver({ deployment }) || undo || under?.step.kind !== 'hold' || under.began_at === undefined) return undefined
  return Math.max(0, under.step.seconds * 1000 - Math.max(0, now - Date.parse(under.began_at)))
}

/** What is left of the hold, in words. */
export function leftText(leftMs: number): string {
  return leftMs > 0 ? `next step in ${spanOf(leftMs)}` : 'next step once all is well'
}

const verdicts = {
  fail: ['bad', 'failed'],
  wait: ['waiting', 'goes on'],
  pass: ['good', 'ok'],
} as const satisfies Record<string, readonly [Mood, string]>
const ranks = { fail: 0, wait: 1, pass: 2 } as const

/** The checks of the hold that is watched, of the one before the pause that waits, or of the one that failed: the worst first. */
export function gateOf(story: Story, now: number, columns: number, style: Style): GateLines {
  const gate = measuredIn(story)
  const leftMs = holdLeftMs(story, now)
  if (gate.length === 0) return { bad: [], rest: leftMs === undefined ? [] : [['  gate  ', ['dim', leftText(leftMs)]]] }
  const several = new Set(gate.flatMap(({ service }) => service ?? [])).size > 1
  const named = gate
    .map(one => ({
      ...one,
      name: shown(`${several && one.service !== undefined ? `${one.service} ` : ''}${keyOf(one).replaceAll('_', ' ')}`),
    }))
    .toSorted((a, b) => ranks[a.verdict] - ranks[b.verdict])
  const nameWidth = Math.min(Math.max(...named.map(({ name }) => widthOf(name))), 22, Math.floor(columns / 3))
  const worth = (one: Finding): string => (one.value === undefined ? '-' : valueText(one.measure, one.value))
  const most = (one: Finding): string =>
    one.threshold === undefined ? '' : `  limit ${valueText(one.measure, one.threshold)}`
  const [worthWidth, mostWidth] = [
    Math.max(...named.map(one => worth(one).length)),
    Math.max(...named.map(one => most(one).length)),
  ]
  // What is left of the line is for the sparks; without room for a few they are left out.
  const room = columns - '  gate  ✔ '.length - nameWidth - worthWidth - mostWidth - '  goes on'.length - 4
  const points = Math.max(0, ...named.map(({ values }) => values.length))
  const sparks = room < 4 ? 0 : Math.min(16, room, points)
  const bad = named.filter(({ verdict }) => verdict === 'fail').length
  const lines = named.map((one, at): Part[] => {
    const name = fit(one.name, nameWidth, style.ascii ? '~' : '…')
    const [mood, word] = one.known ? verdicts[one.verdict] : (['moving', 'looks'] as const)
    const pad = ' '.repeat(Math.max(0, nameWidth - widthOf(name)))
    const drawn = spark(one.values, one.threshold, sparks, style.ascii)
    const left = at === 0 && leftMs !== undefined ? `   ${leftText(leftMs)}` : ''
    return [
      ['dim', at === 0 || at === bad ? '  gate  ' : '        '],
      [mood, `${style.glyph(mood)} `],
      `${name}${pad}  ${worth(one).padStart(worthWidth)}`,
      ...(sparks > 0 ? [[mood, `  ${drawn.padEnd(sparks)}`] as const] : []),
      `${most(one).padEnd(mostWidth)}  `,
      [mood, word],
      ...(one.value === undefined && one.known ? [['dim', `  ${one.text}`] as const] : []),
      ['dim', left],
    ]
  })
  return { bad: lines.slice(0, bad), rest: lines.slice(bad) }
}

function measuredIn({ deployment, chart, checked }: Story): Measured[] {
  const steps = deployment.steps.filter(({ phase, state }) => phase === 'forward' && state !== 'pending')
  const last = steps.at(-1)
  const record = last?.step.kind === 'pause' ? steps.at(-2) : last
  if (record?.step.kind !== 'hold' || record.state === 'skipped' || record.step.checks.length === 0) return []
  const end = checked?.position === record.position ? checked.checks : []
  const over = chart?.checks.filter(({ position }) => position === record.position) ?? []
  return record.step.checks.map((check, at): Measured => {
    const values = over[at]?.values ?? []
    const found = end[at] ?? values.at(-1)
    const name = check.type === 'function' ? { check: check.name } : {}
    return {
      verdict: 'pass' as const,
      text: '',
      ...limitOf(check),
      ...found,
      type: check.type,
      ...name,
      known: found !== undefined,
      values: values.flatMap(({ value }) => value ?? []),
    }
  })
}
