/** How a piece of text is meant; colours follow from it, never meaning from colours. */
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'bad' | 'warn' | 'old' | 'new'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

/** One line of the screen. */
export type Line = readonly Span[]

const codes: Record<Tone, string> = {
  plain: '',
  strong: '1',
  dim: '2',
  good: '32',
  bad: '1;31',
  warn: '33',
  old: '34',
  new: '36',
}

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

/** The line as text of at most `width` characters, with ANSI colours when `color` is set. What does not fit ends in an ellipsis. */
export function paint(line: Line, width: number, color: boolean): string {
  return cut(line, width)
    .map(({ text, tone }) => (color && codes[tone] && text ? `\u001B[${codes[tone]}m${text}\u001B[0m` : text))
    .join('')
    .trimEnd()
}

function cut(line: Line, width: number): Line {
  const length = line.reduce((sum, { text }) => sum + text.length, 0)
  if (length <= width) return line
  const kept: Span[] = []
  let room = Math.max(0, width - 1)
  for (const { text, tone } of line) {
    kept.push(span(text.slice(0, room), tone))
    room -= Math.min(room, text.length)
  }
  return [...kept, span(width > 0 ? '…' : '', 'dim')]
}

/** `done` (0 to 1) of a bar of `cells` characters. Something that is not nothing shows as at least one cell, and less than all never as all. */
export function bar(done: number, cells: number): { readonly full: string; readonly empty: string } {
  const exact = Math.round(done * cells)
  const full = done <= 0 ? 0 : done >= 1 ? cells : Math.min(cells - 1, Math.max(1, exact))
  return { full: '█'.repeat(full), empty: '░'.repeat(cells - full) }
}

/** 850 ms, 12.3 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** 12,345. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}
