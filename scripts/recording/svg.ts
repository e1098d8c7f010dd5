import type { Run, Size } from './screen.ts'
import type { Frame } from './story.ts'

/** What is said to those who do not see it. */
export interface Told {
  readonly title: string
  readonly description: string
}

/** Pixels: of a character, of a line, and around all of them. */
const cell = { width: 8, height: 18 }
const margin = { side: 18, top: 44, bottom: 14 }
const fontSize = 13.2

/** Of each colour: on light ground, on dark. Numbers are those of ANSI. */
const colors: Readonly<Record<string, readonly [string, string]>> = {
  ground: ['#ffffff', '#12161d'],
  edge: ['#d5dae1', '#2b323d'],
  bar: ['#f3f5f8', '#1a2029'],
  text: ['#1f2630', '#d8dee8'],
  c1: ['#c62a2f', '#ff7b7b'],
  c2: ['#14803c', '#57d38c'],
  c3: ['#9a6200', '#f0b955'],
  c4: ['#2563c9', '#79a8ff'],
  c5: ['#8a3fb8', '#cf9bf5'],
  c6: ['#0b7f95', '#4fd0e0'],
}

/**
 * Frames as one SVG that moves by itself, over and over, and needs nothing from elsewhere. What stays the same from one frame to the next
 * is drawn once. Where motion is not wanted it shows the last frame.
 */
export function svgOf(frames: readonly Frame[], { columns, rows }: Size, { title, description }: Told): string {
  const width = columns * cell.width + 2 * margin.side
  const height = rows * cell.height + margin.top + margin.bottom
  const ends = frames.map((_, index) => frames.slice(0, index + 1).reduce((sum, { ms }) => sum + ms, 0))
  const totalMs = ends.at(-1) ?? 0
  const spans = spansOf(frames, rows)
  const keys = new Map(spans.map(({ from, to }) => [`${from}-${to}`, { from, to }]))
  const moment = (index: number): number => Number((((ends[index - 1] ?? 0) / totalMs) * 100).toFixed(2))
  const last = frames.length - 1

  const rules = [...keys].flatMap(([key, { from, to }]) => {
    if (from === 0 && to === last) return []
    const steps = [
      ...(from > 0 ? ['0%{opacity:0}'] : []),
      `${moment(from)}%{opacity:1}`,
      ...(to < last ? [`${moment(to + 1)}%{opacity:0}`] : []),
    ]
    return [
      `@keyframes k${key}{${steps.join('')}}`,
      `.k${key}{animation-name:k${key}${to === last ? '' : ';opacity:0'}}`,
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(title)}</title>
<desc id="desc">${escaped(description)}</desc>
<style>
${palette(0)}
@media (prefers-color-scheme:dark){${palette(1)}}
text{font:${fontSize}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--text)}
.d{opacity:.62}.b{font-weight:bold}.e{opacity:.22}
${[1, 2, 3, 4, 5, 6].map(number => `.c${number}{fill:var(--c${number})}`).join('')}
.f{animation:${(totalMs / 1000).toFixed(2)}s step-end infinite}
${rules.join('\n')}
@media (prefers-reduced-motion:reduce){.f{animation:none}}
</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="9" fill="var(--ground)" stroke="var(--edge)"/>
<path d="M1 30V9.5A8.5 8.5 0 0 1 9.5 1H${width - 9.5}A8.5 8.5 0 0 1 ${width - 1} 9.5V30Z" fill="var(--bar)"/>
<path d="M1 30.5H${width - 1}" stroke="var(--edge)"/>
<g fill="var(--edge)"><circle cx="20" cy="16" r="5"/><circle cx="37" cy="16" r="5"/><circle cx="54" cy="16" r="5"/></g>
<text class="d" x="${width / 2}" y="20.5" text-anchor="middle">npm start</text>
${spans.map(({ row, runs, from, to }) => `<g class="f k${from}-${to}">${runs.map(run => drawn(run, row)).join('')}</g>`).join('\n')}
</svg>
`
}

/** A row that looks the same from one frame to another. */
interface RowSpan {
  readonly row: number
  readonly runs: readonly Run[]
  readonly from: number
  readonly to: number
}

function spansOf(frames: readonly Frame[], rows: number): RowSpan[] {
  const spans: RowSpan[] = []
  for (let row = 0; row < rows; row++) {
    for (let from = 0, to = 0; from < frames.length; from = to + 1) {
      const runs = frames[from]?.screen[row] ?? []
      const look = JSON.stringify(runs)
      to = from
      while (to + 1 < frames.length && JSON.stringify(frames[to + 1]?.screen[row] ?? []) === look) to++
      if (runs.length > 0) spans.push({ row, runs, from, to })
    }
  }
  return spans
}

/** Bars are drawn and not written, so that they have no gaps in whatever font there is. */
function drawn({ column, text, color, bold, dim }: Run, row: number): string {
  const [x, y] = [margin.side + column * cell.width, margin.top + row * cell.height]
  const named = (...names: readonly (string | false | undefined)[]): string => {
    const given = names.filter(Boolean).join(' ')
    return given === '' ? '' : ` class="${given}"`
  }
  const paint = color !== undefined && `c${color}`
  const [, solid] = /^(█+|░+)$/.exec(text) ?? []
  if (solid !== undefined) {
    const empty = solid.startsWith('░')
    const fill = paint ? named(paint, empty && 'e') : `${named(empty && 'e')} fill="var(--text)"`
    return `<rect${fill} x="${x}" y="${y + 3}" width="${solid.length * cell.width}" height="11"/>`
  }
  const length = text.length > 1 ? ` textLength="${text.length * cell.width}"` : ''
  return `<text${named(paint, bold && 'b', dim && 'd')} x="${x}" y="${y + 13}"${length}>${escaped(text)}</text>`
}

function palette(ground: 0 | 1): string {
  return `svg{${Object.entries(colors)
    .map(([name, values]) => `--${name}:${values[ground]}`)
    .join(';')}}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
