import { stripVTControlCharacters } from 'node:util'

/** Text of others as it may be shown on a terminal: nothing in it moves the cursor, changes colours, hides, or turns the direction of writing. */
export function shown(text: string): string {
  return stripVTControlCharacters(text.toWellFormed())
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, ' ')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/(\p{M}{3})\p{M}+/gu, '$1')
}

const nothing = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]$/u
const wide =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]$/u

/** How many columns of a terminal text takes at most, colours aside. Terminals differ in what they join to one sign: this is of those that don't. */
export function widthOf(text: string): number {
  let width = 0
  for (const sign of stripVTControlCharacters(text)) width += columnsOf(sign)
  return width
}

/** Text without colours, cut to a width, with an ellipsis where something is missing. */
export function fit(text: string, width: number, ellipsis = '…'): string {
  if (widthOf(text) <= width) return text
  const mark = widthOf(ellipsis) <= width ? ellipsis : ''
  let left = width - widthOf(mark)
  let kept = ''
  for (const sign of text) {
    left -= columnsOf(sign)
    if (left < 0) break
    kept += sign
  }
  return kept + mark
}

/** Text in lines no wider than this, broken between words where that can be; more lines than `most` end in an ellipsis. */
export function wrap(text: string, width: number, most: number, ellipsis = '…'): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  if (lines.length > most) lines.splice(most - 1, Infinity, lines.slice(most - 1).join(' '))
  return lines.map(one => fit(one, width, ellipsis))
}

function columnsOf(sign: string): number {
  // It asks for the wide form of the sign before it.
  if (sign === '\ufe0f') return 1
  if (nothing.test(sign)) return 0
  return wide.test(sign) ? 2 : 1
}
