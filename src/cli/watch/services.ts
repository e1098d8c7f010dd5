import { fit, shown, widthOf } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import type { Part } from './line.ts'
import type { Story } from './story.ts'

/** The lines of a service. */
export interface Block {
  /** Failures come first. */
  readonly rank: number
  /** All of it in one line. */
  readonly brief: Part[]
  /** Old replicas over new ones, and its traffic. */
  readonly full: readonly Part[][]
}

const moods = {
  failed: ['bad', 'failed'],
  running: ['moving', 'running'],
  pending: ['off', 'waits'],
  succeeded: ['good', 'through'],
} as const satisfies Record<string, readonly [Mood, string]>

const ranks = { failed: 0, running: 1, pending: 2, succeeded: 3 } as const

/** A block of lines for each service, those that failed first, then those that move. */
export function servicesOf({ deployment, names: { from, to } }: Story, columns: number, style: Style): Block[] {
  const { service_progress = {}, replicas = {}, traffic = {} } = deployment
  const services = [...new Set([...Object.keys(service_progress), ...Object.keys(replicas)])]
  const longest = Math.max(0, ...services.map(name => widthOf(shown(name))))
  const nameWidth = Math.min(longest, 20, Math.floor(columns / 4))
  const blocks = services.map((name): Block => {
    const state = own(service_progress, name) ?? 'running'
    const [mood, word] = moods[state]
    const sides = own(replicas, name)
    const label = fit(shown(name), nameWidth, style.ascii ? '~' : '…')
    const pad = ' '.repeat(Math.max(0, nameWidth - widthOf(label)))
    const head = `${style.glyph(mood)} ${label}${pad}  ${sides ? word.padEnd(7) : word}`
    const line = (...ready: readonly string[]): Part[] => ['  ', [mood, head], ...ready.map(text => `  ${text}`)]
    const [old, fresh] = sides ? [`old ${cells(sides.old, style)}`, `new ${cells(sides.new, style)}`] : []
    const ready = sides ? `${sides.new.ready}/${sides.new.want} ready` : ''
    const brief = old === undefined || fresh === undefined ? line() : line(old, `${fresh}  ${ready}`)
    const share = own(traffic, name)
    const versions = [from, to].map(version => (version === undefined ? undefined : `v${version}`))
    const moves = share ? [bar(share, versions, nameWidth, columns, style)] : []
    const both = sides !== undefined && sides.old.want > 0 && sides.new.want > 0
    if (!both || old === undefined || fresh === undefined) return { rank: ranks[state], brief, full: [brief, ...moves] }
    const width = Math.max(widthOf(old), widthOf(fresh))
    const wide = (text: string): string => text + ' '.repeat(width - widthOf(text))
    const over = line(`${wide(old)}  ${sides.old.ready}/${sides.old.want} ready`)
    const under: Part[] = [' '.repeat(widthOf(head) + 4), `${wide(fresh)}  ${ready}`]
    return { rank: ranks[state], brief, full: [over, under, ...moves] }
  })
  return blocks.toSorted((a, b) => a.rank - b.rank)
}

/** A sign for each replica; where there are many, their number. */
function cells({ ready, want }: { readonly ready: number; readonly want: number }, style: Style): string {
  const [full, empty] = style.ascii ? ['#', '.'] : ['■', '□']
  const most = Math.max(ready, want)
  if (most === 0) return '-'
  return most > 10 ? `${ready}${full}` : full.repeat(ready) + empty.repeat(most - ready)
}

/** The traffic of a service as it was set, and beside it what the new side gets. */
function bar(
  { set, actual }: { readonly set: number; readonly actual?: number | undefined },
  [from = 'old', to = 'new']: readonly (string | undefined)[],
  indent: number,
  columns: number,
  style: Style,
): Part[] {
  const gets = actual === undefined ? 'actual -' : `actual ${Math.round(actual)}%`
  const says = `  set ${set}%  ${gets}`
  const before = `${' '.repeat(indent + 4)}  traffic `
  const length = Math.max(0, Math.min(40, columns - before.length - from.length - to.length - says.length - 2))
  const fresh = Math.min(length, Math.max(0, Math.round((length * set) / 100)))
  const [old, next] = style.ascii ? ['=', '#'] : ['░', '█']
  // So few requests, or so uneven a share, are worth a second look.
  const isOff = actual !== undefined && Math.abs(actual - set) > 10
  return [
    ['dim', before],
    ...(length > 0 ? [`${from} `] : []),
    ['off', old.repeat(length - fresh)],
    ['good', next.repeat(fresh)],
    ...(length > 0 ? [` ${to}`] : []),
    `  set ${set}%  `,
    ...(isOff ? [['waiting', gets] as const] : [gets]),
  ]
}

/** As many as there is room for, the first ones in full; of those without room for a line, how many there are. */
export function within(blocks: readonly Block[], room: number): Part[][] {
  if (room <= 0) return []
  if (blocks.length > room) {
    const kept = blocks.slice(0, room - 1)
    const rest = blocks.slice(kept.length)
    const healthy = rest.every(({ rank }) => rank === ranks.succeeded)
    const more: Part[] = ['  ', ['dim', `… ${rest.length} more${healthy ? ' healthy' : ''}`]]
    return [...kept.map(({ brief }) => brief), more]
  }
  let spare = room - blocks.length
  return blocks.flatMap(({ brief, full }) => {
    if (full.length - 1 > spare) return [brief]
    spare -= full.length - 1
    return full
  })
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}
