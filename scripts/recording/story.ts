import { type Screen, type TimedScreen, textOf } from './screen.ts'

/** A screen, and for how long it is shown. */
export interface Frame {
  readonly screen: Screen
  readonly ms: number
}

/** How much faster than it was, and the least and the most that a screen is shown. */
const faster = 2.2
const leastMs = 380
const mostMs = 1300
/** Where something is undone there is a sentence to read, and the table at the end is one too. */
const undoingMs = 2000
const betweenMs = 600
const endMs = 5000

/** Where the demo is: `3/10 step 4/11: hold 3 s`. */
interface Place {
  readonly act: number
  readonly step: string
}

/**
 * The frames that tell a demo: of each step of the acts that are wanted the screen it ended with, one between two acts, and the last
 * screen of all.
 */
export function storyOf(screens: readonly TimedScreen[], acts: ReadonlySet<number>): Frame[] {
  const frames: Frame[] = []
  let began = screens[0]?.atMs ?? 0
  let told = 0
  for (const [index, { screen, atMs }] of screens.entries()) {
    const place = placeOf(screen)
    const next = screens[index + 1]
    const nextPlace = next && placeOf(next.screen)
    if (next && nextPlace?.act === place?.act && nextPlace?.step === place?.step) continue
    const took = (next?.atMs ?? atMs) - began
    began = next?.atMs ?? atMs
    if (!next) frames.push({ screen, ms: endMs })
    else if (place && acts.has(place.act) && !place.step.startsWith('waits')) {
      const undoing = place.step.startsWith('step back')
      frames.push({ screen, ms: undoing ? undoingMs : Math.round(Math.min(mostMs, Math.max(leastMs, took / faster))) })
      told = place.act
    } else if (!place && told > 0) {
      frames.push({ screen, ms: betweenMs })
      told = 0
    }
  }
  return frames
}

function placeOf(screen: Screen): Place | undefined {
  const [, act, step] = /^ +(\d+)\/\d+ {2}.* by \S+(?: {2}undoing)?\n.* % {2}(.*)$/m.exec(textOf(screen)) ?? []
  return act === undefined ? undefined : { act: Number(act), step: step ?? '' }
}
