import { stripVTControlCharacters } from 'node:util'

/** Text of others as it may be shown on a terminal: nothing in it moves the cursor, changes colours or turns the direction of writing. */
export function shown(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, ' ')
}

const graphemes = new Intl.Segmenter()

/** How many columns of a terminal text takes, colours aside. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    width +=
      /\p{RGI_Emoji}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/v.test(
        segment,
      )
        ? 2
        : 1
  }
  return width
}
