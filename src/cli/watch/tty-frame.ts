import { spanOf } from '../ago.ts'
import { fit, shown, widthOf, wrap } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import { lineOf, type Part, plainText, textOf } from './line.ts'
import { elapsedMs, minutesOf, sentenceOf, versionsOf } from './sentence.ts'
import { isOver, type Story } from './story.ts'

/** What a frame shows beside the story. */
export interface Look {
  readonly columns: number
  readonly rows: number
  readonly style: Style
  /** Whether keys do something. */
  readonly keys: boolean
  /** A word about the last key, or about the connection. */
  readonly note?: string | undefined
  readonly help?: boolean | undefined
}

/** How a deployment looks now, in lines no wider than the terminal and fewer than it has rows. `now` in milliseconds. */
export function frameOf(story: Story, now: number, look: Look): string[] {
  const { columns, rows, style } = look
  const most = Math.max(0, rows - 1)
  const head: Part[][] = [header(story, now, look), ...sentence(story, now, look)]
  const foot: Part[][] = [
    ...(look.note ? [[['waiting', look.note] as const]] : []),
    ...(look.keys && !isOver(story) ? [keysOf(story, look.help === true)] : []),
  ]
  const evidence = story.evidence.slice(-5).map((line): Part[] => ['    ', ['dim', line]])
  const ladder = ladderOf(story, columns, style)
  const blocks = servicesOf(story, columns, style)
  // What is under way comes first, then what can be done about it, then why, then each service as far as there is room.
  const kept = most - head.length - foot.length
  const upper = kept > 0 ? [...head, ladder] : head
  let left = most - upper.length - foot.length
  const why = evidence.slice(0, Math.max(0, left - Math.min(1, blocks.length)))
  left -= why.length
  const services = within(blocks, left)
  const lines = [...upper, ...services, ...why, ...foot]
  const held = lines.length > most ? [...head, ...foot.slice(-Math.max(0, most - head.length))].slice(0, most) : lines
  return held.map(parts => lineOf(parts, columns, style))
}

function header(story: Story, now: number, { columns, style }: Look): Part[] {
  const { deployment, names } = story
  const elapsed = minutesOf(elapsedMs(story, now))
  const leftMs = deployment.eta?.remaining_ms
  const remains = leftMs === undefined || leftMs === 0 || isOver(story) ? '' : `  ~${spanOf(leftMs)} left`
  const right = `${elapsed}${remains}`
  const what = `  ${shown(names.instance)}  ${versionsOf(story, style.arrow)}  ${shown(deployment.strategy)}`
  const room = columns - widthOf(right) - 2
  // The id is what people paste: it is cut last.
  const left = widthOf(deployment.id) + widthOf(what)
  if (left > room) return [['bold', deployment.id], fit(what, Math.max(0, columns - widthOf(deployment.id)))]
  return [['bold', deployment.id], what, ' '.repeat(Math.max(2, columns - left - widthOf(right))), ['dim', right]]
}

/** In as many lines as it takes, but no more than a quarter of the terminal. */
function sentence(story: Story, now: number, { columns, rows, style }: Look): Part[][] {
  const { mood, text } = sentenceOf(story, now)
  const safe = style.ascii ? plainText(shown(text)) : shown(text)
  const lines = wrap(safe, Math.max(1, columns - 2), Math.max(1, Math.floor(rows / 4)), style.ascii ? '~' : '…')
  return lines.map((line, at): Part[] => [[mood, `${at === 0 ? style.glyph(mood) : ' '} ${line}`]])
}

const stepMoods = {
  pending: 'off',
  begun: 'moving',
  done: 'good',
  skipped: 'good',
  failed: 'bad',
} as const satisfies Record<string, Mood>

/** The steps as far as they fit: a sign for each, and what the one under way does. */
function ladderOf({ deployment, undo }: Story, columns: number, style: Style): Part[] {
  const [dot, line] = style.ascii ? ['.', '-'] : ['·', '─']
  if (undo) {
    const [count, step] = [undo.names.length, undo.step]
    const signs = undo.names.map((_, at) =>
      at < step - 1 ? style.glyph('good') : at === step - 1 ? style.glyph('moving') : dot,
    )
    return ['  ', ['undone', `back ${step}/${count}`], `  ${signs.join('')}  ${undo.names[step - 1] ?? ''}`]
  }
  const steps = deployment.steps.filter(({ phase }) => phase === 'forward')
  const count = deployment.step_count ?? steps.length
  if (steps.length === 0)
    return ['  ', ['dim', count === 0 ? 'no steps yet' : `step ${(deployment.step ?? 0) + 1}/${count}`]]
  const glyphOf = (state: keyof typeof stepMoods): string => (state === 'pending' ? dot : style.glyph(stepMoods[state]))
  const whole = steps.flatMap(({ state, step }, at): Part[] => [
    at === 0 ? '  ' : ` ${line} `,
    [stepMoods[state], `${glyphOf(state)} ${shown(step.name)}`],
  ])
  if (widthOf(whole.map(textOf).join('')) <= columns) return whole
  const under = steps.findLast(({ state }) => state !== 'pending')
  const signs = steps.map(({ state }): Part => [stepMoods[state], glyphOf(state)])
  const room = columns - `  step ${count}/${count}    `.length - 10
  return [
    '  ',
    ['bold', `step ${(under?.position ?? 0) + 1}/${count}`],
    '  ',
    ...(signs.length <= room ? [...signs, '  '] : []),
    under?.step.name ?? '',
  ]
}

interface Block {
  readonly rank: number
  readonly lines: readonly Part[][]
}

const serviceMoods = {
  failed: ['bad', 'failed'],
  running: ['moving', 'running'],
  pending: ['off', 'waits'],
  succeeded: ['good', 'through'],
} as const satisfies Record<string, readonly [Mood, string]>

const ranks = { failed: 0, running: 1, pending: 2, succeeded: 3 } as const

/** A block of lines for each service, those that failed first, then those that move. */
function servicesOf({ deployment }: Story, columns: number, style: Style): Block[] {
  const { service_progress = {}, replicas = {}, traffic = {} } = deployment
  const names = [...new Set([...Object.keys(service_progress), ...Object.keys(replicas)])]
  const nameWidth = Math.min(Math.max(0, ...names.map(name => widthOf(shown(name)))), 20, Math.floor(columns / 4))
  const blocks = names.map((name): Block => {
    const state = own(service_progress, name) ?? 'running'
    const [mood, word] = serviceMoods[state]
    const sides = own(replicas, name)
    const label = fit(shown(name), nameWidth, style.ascii ? '~' : '…')
    const pad = ' '.repeat(Math.max(0, nameWidth - widthOf(label)))
    const ready = sides
      ? [`old ${cells(sides.old, style)}`, `new ${cells(sides.new, style)}  ${sides.new.ready}/${sides.new.want} ready`]
      : []
    const line: Part[] = [
      '  ',
      [mood, `${style.glyph(mood)} ${label}${pad}  ${ready.length > 0 ? word.padEnd(7) : word}`],
      ...ready.map(text => `  ${text}`),
    ]
    const share = own(traffic, name)
    return { rank: ranks[state], lines: [line, ...(share ? [bar(share, nameWidth, columns, style)] : [])] }
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

function bar(
  { set, actual }: { readonly set: number; readonly actual?: number | undefined },
  indent: number,
  columns: number,
  style: Style,
): Part[] {
  const says = `  new ${set}%${actual === undefined ? '' : `, gets ${Math.round(actual)}%`}`
  const length = Math.max(0, Math.min(40, columns - indent - 16 - says.length))
  const fresh = Math.min(length, Math.round((length * set) / 100))
  const [old, next] = style.ascii ? ['=', '#'] : ['░', '█']
  return [
    '    ',
    ' '.repeat(indent),
    ['dim', '  traffic '],
    ['off', old.repeat(length - fresh)],
    ['good', next.repeat(fresh)],
    says,
  ]
}

/** As many as there is room for; of the others, how many there are. */
function within(blocks: readonly Block[], room: number): Part[][] {
  const all = blocks.flatMap(({ lines }) => lines)
  if (all.length <= room) return all
  const firsts = blocks.map(({ lines }) => lines[0] ?? [])
  if (firsts.length <= room) return firsts
  if (room <= 0) return []
  const kept = firsts.slice(0, room - 1)
  const rest = blocks.slice(kept.length)
  const healthy = rest.every(({ rank }) => rank === ranks.succeeded)
  return [...kept, ['  ', ['dim', `… ${rest.length} more${healthy ? ' healthy' : ''}`]]]
}

/** What the keys do now. */
function keysOf({ deployment }: Story, help: boolean): Part[] {
  const may = new Set(deployment.allowed_actions.filter(({ allowed }) => allowed).map(({ action }) => action))
  const keys = [
    ...(may.has('promote') ? ['p promote'] : []),
    ...(may.has('resume') ? ['space resume'] : may.has('pause') ? ['space pause'] : []),
    ...(may.has('cancel') ? ['x cancel'] : []),
    'd detach',
    ...(help ? [`again: slipway watch ${deployment.id}`] : ['? help']),
  ]
  return [['dim', keys.join('   ')]]
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}
