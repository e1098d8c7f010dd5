import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '../../src/provider/fake/random.ts'
import { assertNothingLost, loadOf } from '../support/load.ts'
import { everyKill, type Kill, type Recording, sampleOf } from './cover.ts'
import { type Scenario, type Stage, scenarios, setStage } from './scenario.ts'
import { startSite } from './site.ts'
import { play } from './trial.ts'
import { methodsIn, unplayed, writesOfPorts } from './writes.ts'

const full = process.env.SLIPWAY_TEST_FULL !== undefined
const seed = Number(process.env.SLIPWAY_TEST_SEED ?? 1)

const lossless = scenarios.filter(({ lossy }) => !lossy)

/** What is played side by side, each on a machine of its own: mostly it waits. */
const rows: readonly (readonly Scenario[])[] = [
  scenarios.filter(({ lossy }) => lossy),
  lossless.slice(0, lossless.length / 2),
  lossless.slice(lossless.length / 2),
]

test(`crash everywhere: killed at ${full ? 'every moment' : 'a sample of moments that meets every fault point'}, seed ${seed}`, async t => {
  const theatres = await Promise.all(rows.map(row => open(t, row)))
  const recordings = (await Promise.all(theatres.map((theatre, row) => theatre.record(row)))).flat()
  const known = new Set(recordings.flatMap(({ passed }) => passed))
  const met = methodsIn(known)
  assert.deepEqual(
    (await writesOfPorts()).filter(method => !met.has(method)).toSorted(),
    Object.keys(unplayed).toSorted(),
    'what changes something is met, or it is said why not',
  )
  const kills = full ? everyKill(recordings) : sampleOf(recordings, seededRandom(seed))
  const outcomes = (await Promise.all(theatres.map(theatre => theatre.kill(kills)))).flat()
  await Promise.all(theatres.map(theatre => theatre.close()))

  const hit = outcomes.filter(({ killed }) => killed)
  const missed = outcomes.filter(({ killed }) => !killed).map(({ kill }) => told(kill))
  t.diagnostic(
    `killed at ${hit.length} moments, of ${everyKill(recordings).length} in ${scenarios.length} scenarios; ` +
      `${known.size} fault points are known; ${missed.length} moments did not come again; seed ${seed}`,
  )
  const wrong = outcomes.flatMap(({ kill, wrong }) => wrong.map(line => `${told(kill)}: ${line}`))
  assert.deepEqual(wrong, [])
  const unmet = known.difference(new Set(hit.map(({ kill }) => kill.moment.name)))
  assert.deepEqual([...unmet], [], `known, and never killed at; missed: ${missed.join('; ')}`)
})

interface Outcome {
  readonly kill: Kill
  readonly killed: boolean
  readonly wrong: readonly string[]
}

/** A row of scenarios with the machine they are played on, one after the other. */
interface Theatre {
  record(row: number): Promise<Recording[]>
  kill(kills: readonly Kill[]): Promise<Outcome[]>
  /** Throws when a request was lost that no plan says may be. */
  close(): Promise<void>
}

async function open(t: TestContext, row: readonly Scenario[]): Promise<Theatre> {
  const lossy = row.some(scenario => scenario.lossy)
  const site = await startSite()
  t.after(() => site.dispose())
  const stage = await setStage(site)
  const load = lossy
    ? undefined
    : await loadOf(t, { target: { ...site.plane.front, hostHeader: 'shop.t1.localhost' }, rps: 20, slowPerSecond: 1 })
  return {
    async record(index) {
      const recordings: Recording[] = []
      for (const scenario of row) {
        const began = performance.now()
        const { passed, wrong } = await play(stage, scenario)
        assert.deepEqual(wrong, [], `${scenario.name}, and nobody was killed`)
        recordings.push({ row: index, scenario: scenario.name, passed, tookMs: performance.now() - began })
      }
      return recordings
    },
    async kill(kills) {
      const outcomes: Outcome[] = []
      for (const scenario of row) {
        for (const kill of kills.filter(candidate => candidate.scenario === scenario.name)) {
          outcomes.push(await killed(stage, scenario, kill))
        }
      }
      return outcomes
    },
    async close() {
      if (load) assertNothingLost(await load.stop())
    },
  }
}

/** A moment that does not come again, because two things happened in another order, is tried for at its first occurrence. */
async function killed(stage: Stage, scenario: Scenario, kill: Kill): Promise<Outcome> {
  const trial = await play(stage, scenario, kill.moment)
  if (trial.killed || trial.wrong.length > 0 || kill.moment.occurrence === 1) return { ...trial, kill }
  const first = { ...kill, moment: { ...kill.moment, occurrence: 1 } }
  return { ...(await play(stage, scenario, first.moment)), kill: first }
}

function told({ scenario, moment }: Kill): string {
  return `${scenario}, killed ${moment.name} (${moment.occurrence})`
}
