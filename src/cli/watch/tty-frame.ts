import { spanOf } from '../ago.ts'
import { fit, shown, widthOf, wrap } from '../shown.ts'
import type { Mood, Style } from '../style.ts'
import { gateOf, holdLeftMs } from './gate.ts'
import { lineOf, type Part, plainText, textOf } from './line.ts'
import { railOf } from './rail.ts'
import { elapsedMs, minutesOf, sentenceOf, versionsOf } from './sentence.ts'
import { servicesOf, within } from './services.ts'
import { stagesOf } from './stages.ts'
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
    ...(look.keys && !isOver(story) ? keysOf(story, look) : []),
  ]
  const evidence = story.evidence.slice(-5).map((line): Part[] => ['    ', ['dim', line]])
  const blocks = servicesOf(story, columns, style)
  const { bad, rest } = gateOf(story, now, columns, style)
  // What is under way comes first, then what can be done about it, then why, then each service as far as there is room.
  const kept = most - head.length - foot.length
  const upper = kept > 0 ? [...head, ladderOf(story, now, columns, style)] : head
  let left = Math.max(0, most - upper.length - foot.length)
  const take = (lines: readonly Part[][], spared: number): readonly Part[][] => {
    const taken = lines.slice(0, Math.max(0, left - spared))
    left -= taken.length
    return taken
  }
  const failures = take(bad, Math.min(1, blocks.length))
  const why = take(evidence, Math.min(1, blocks.length))
  const passes = take(rest, blocks.length)
  const lines = [...upper, ...failures, ...within(blocks, left), ...passes, ...why, ...foot]
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

/** The shares of traffic, or else the steps, as far as they fit: a sign for each, and what the one under way does. */
function ladderOf(story: Story, now: number, columns: number, style: Style): Part[] {
  const { deployment, undo } = story
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
  const ended = deployment.finished_at === undefined ? now : Date.parse(deployment.finished_at)
  const rail = railOf(stagesOf(deployment, ended), holdLeftMs(story, now), columns, style)
  if (rail) return rail
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

/** What the keys do now; with help, what each of them means. */
function keysOf({ deployment, names }: Story, { columns, help, style }: Look): Part[][] {
  const may = new Set(deployment.allowed_actions.filter(({ allowed }) => allowed).map(({ action }) => action))
  const promotes = may.has('promote')
  const space = may.has('resume') ? 'resume' : may.has('pause') ? 'pause' : undefined
  if (!help) {
    const keys = [
      ...(promotes ? ['p promote', 'P all'] : []),
      ...(space ? [`space ${space}`] : []),
      ...(may.has('cancel') ? ['x cancel'] : []),
      'l logs',
      'd detach',
      '? help',
    ]
    return [[['dim', keys.join('   ')]]]
  }
  const meanings = [
    'p: go on from the pause of the plan that it waits at.',
    'P: and from each later one, as long as this watches; P again takes it back.',
    'space: pause after the current step, or resume.',
    'x: cancel, and bring back what served before; asks first.',
    `l: how to read its logs. d: detach; ${shown(names.instance)} goes on. Again: slipway watch ${deployment.id}`,
  ]
  const ellipsis = style.ascii ? '~' : '…'
  return meanings.flatMap(text => wrap(text, columns, 2, ellipsis)).map((line): Part[] => [['dim', line]])
}
