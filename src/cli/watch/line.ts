import { fit, shown, widthOf } from '../shown.ts'
import type { Mood, Style } from '../style.ts'

/** A part of a line, in the colour of its mood. */
export type Part = string | readonly [Mood | 'bold' | 'dim', string]

/** A line of parts, harmless and no wider than this, coloured where the style has colour. */
export function lineOf(parts: readonly Part[], width: number, style: Style): string {
  let left = width
  let line = ''
  for (const [at, part] of parts.entries()) {
    const [set, own] = typeof part === 'string' ? (['plain', part] as const) : part
    const text = style.ascii ? plainText(shown(own)) : shown(own)
    const rest = parts.slice(at + 1).some(next => textOf(next) !== '')
    const cut = fit(text, left, style.ascii ? '~' : '…')
    left -= widthOf(cut)
    line += set === 'plain' || cut === '' ? cut : coloured(set, cut, style)
    if (cut !== text || (left <= 0 && rest)) break
  }
  return line
}

/** What a part says. */
export function textOf(part: Part): string {
  return typeof part === 'string' ? part : part[1]
}

function coloured(set: Mood | 'bold' | 'dim', text: string, style: Style): string {
  if (set === 'bold') return style.bold(text)
  return set === 'dim' ? style.dim(text) : style.mood(set, text)
}

/** Text in ASCII alone: what has no letter there is a question mark. */
export function plainText(text: string): string {
  return text
    .replaceAll('→', '->')
    .replaceAll('…', '...')
    .replaceAll(/[^\p{ASCII}]/gu, '?')
}
