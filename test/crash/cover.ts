import type { Random } from '../../src/provider/fake/random.ts'
import type { Moment } from '../support/control-plane.ts'

/** What a scenario passed when nobody was killed. */
export interface Recording {
  /** Which row of trials it is played in: rows run side by side, the trials of one after each other. */
  readonly row: number
  readonly scenario: string
  readonly passed: readonly string[]
  readonly tookMs: number
}

/** A scenario, and the moment of it at which the control plane is to be killed. */
export interface Kill {
  readonly scenario: string
  readonly moment: Moment
}

/** Every moment of every recording. */
export function everyKill(recordings: readonly Recording[]): Kill[] {
  return recordings.flatMap(({ scenario, passed }) =>
    [...countsOf(passed)].flatMap(([name, count]) =>
      Array.from({ length: count }, (_, index) => ({ scenario, moment: { name, occurrence: index + 1 } })),
    ),
  )
}

/**
 * So few kills that each distinct name is met once, and each scenario too: greedily, names that few scenarios have first, each where its
 * row is shortest and its scenario was chosen least. Which occurrence is left to chance.
 */
export function sampleOf(recordings: readonly Recording[], random: Random): Kill[] {
  const names = new Map(
    [...new Set(recordings.flatMap(({ passed }) => passed))].map(name => [
      name,
      recordings.filter(({ passed }) => passed.includes(name)),
    ]),
  )
  const rowMs = new Map<number, number>()
  const chosen = new Map<Recording, number>()
  const choose = (recording: Recording, name: string): Kill => {
    rowMs.set(recording.row, (rowMs.get(recording.row) ?? 0) + costMs(recording))
    chosen.set(recording, (chosen.get(recording) ?? 0) + 1)
    const count = countsOf(recording.passed).get(name) ?? 1
    return { scenario: recording.scenario, moment: { name, occurrence: 1 + Math.floor(random() * count) } }
  }
  const price = (recording: Recording): number =>
    (rowMs.get(recording.row) ?? 0) + costMs(recording) * (1 + (chosen.get(recording) ?? 0))

  const kills = [...names]
    .map(([name, having]) => ({ name, having, lot: random() }))
    .sort((a, b) => a.having.length - b.having.length || a.lot - b.lot)
    .map(({ name, having }) => choose(cheapest(having, price), name))
  const unmet = recordings.filter(recording => !chosen.has(recording) && recording.passed.length > 0)
  return [
    ...kills,
    ...unmet.map(recording =>
      choose(recording, recording.passed[Math.floor(random() * recording.passed.length)] ?? ''),
    ),
  ]
}

/** What a kill costs beside its scenario, milliseconds: another control plane has to start. */
const restartMs = 1000

function costMs({ tookMs }: Recording): number {
  return tookMs + restartMs
}

function cheapest(recordings: readonly Recording[], price: (recording: Recording) => number): Recording {
  const [first] = recordings.toSorted((a, b) => price(a) - price(b))
  if (!first) throw new Error('a name that no recording has')
  return first
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
