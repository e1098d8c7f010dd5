import { styleText } from 'node:util'
import type { Output, World } from './world.ts'

/** What a thing is like: its glyph and colour say the same as its word. */
export type Mood = 'good' | 'moving' | 'waiting' | 'bad' | 'undone' | 'off'

/** How text is set off on one output. */
export interface Style {
  readonly ascii: boolean
  readonly colour: boolean
  bold(text: string): string
  dim(text: string): string
  /** In the colour of its mood. */
  mood(mood: Mood, text: string): string
  glyph(mood: Mood): string
  /** The arrow between what was and what comes. */
  readonly arrow: string
}

const glyphs: Readonly<Record<Mood, readonly [string, string]>> = {
  good: ['✔', '+'],
  moving: ['◐', '~'],
  waiting: ['‖', '='],
  bad: ['✖', 'x'],
  undone: ['↺', '<'],
  off: ['∅', 'o'],
}

const colours = {
  good: 'green',
  moving: 'blue',
  waiting: 'yellow',
  bad: 'red',
  undone: 'magenta',
  off: 'gray',
} as const satisfies Record<Mood, string>

/** How to write on this output: colour on a terminal that has it, unless `NO_COLOR` says otherwise (no-color.org). */
export function styleOf(output: Pick<Output, 'isTty'>, env: World['env'], ascii: boolean): Style {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0'
  const colour = !env['NO_COLOR'] && env['TERM'] !== 'dumb' && (output.isTty || forced)
  const set = (format: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text
  return {
    ascii,
    colour,
    bold: text => set('bold', text),
    dim: text => set('dim', text),
    mood: (mood, text) => set(colours[mood], text),
    glyph: mood => glyphs[mood][ascii ? 1 : 0],
    arrow: ascii ? '->' : '→',
  }
}
