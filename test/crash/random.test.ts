import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { loadOf } from '../support/load.ts'
import { drawOf } from './draw.ts'
import { endure, type Ordeal } from './ordeal.ts'
import { done, setStage } from './scenario.ts'
import { startSite } from './site.ts'
import { emptyToll, type Toll, told, tollOf } from './toll.ts'

const full = process.env.SLIPWAY_TEST_FULL !== undefined
const seed = Number(process.env.SLIPWAY_TEST_SEED ?? 1)
/** Machines side by side: mostly they wait. */
const lanes = Number(process.env.SLIPWAY_KILL_LANES ?? 3)
const [from, to] = rangeOf(process.env.SLIPWAY_KILLS ?? (full ? '1..10000' : '1..15'))

test(`killed at random: ${from}..${to}, seed ${seed}`, { concurrency: lanes }, async t => {
  const toll = emptyToll()
  await Promise.all(
    chunksOf(from, to).map(([first, last]) =>
      t.test(`kills ${first}..${last}`, async chunk => await killAll(chunk, first, last, toll)),
    ),
  )
  for (const line of told(toll)) t.diagnostic(line)
})

/** Some kills, one after the other, on a machine of its own; on another one from where something was wrong. */
async function killAll(t: TestContext, first: number, last: number, toll: Toll): Promise<void> {
  const wrong: string[] = []
  for (let number = first; number <= last; ) {
    const { stage, load, close } = await machine(t)
    for (let sound = true; sound && number <= last; number++) {
      const ordeal = await endured(() => endure(stage, load, drawOf(seed, number)))
      if (!(ordeal instanceof Error)) tollOf(toll, ordeal)
      const lines = ordeal instanceof Error ? [ordeal.stack ?? ordeal.message] : ordeal.wrong
      sound = lines.length === 0
      const again = `SLIPWAY_TEST_SEED=${seed} SLIPWAY_KILLS=${number}..${number}`
      if (!sound) wrong.push(`kill ${number}, again with ${again}:`, ...lines)
      // A long run is looked at before it ends.
      if (!sound) console.error(`kill ${number}: ${lines.join('\n')}`)
    }
    const { sent, lost, versions } = await close()
    toll.sent += sent
    toll.lost += lost
    if (versions['web']?.['deaf'] !== undefined)
      wrong.push(`one that was never healthy answered, before kill ${number}`)
  }
  assert.deepEqual(wrong, [])
}

async function machine(t: TestContext) {
  const site = await startSite()
  let disposed: Promise<void> | undefined
  const dispose = () => (disposed ??= site.dispose())
  t.after(dispose)
  const stage = await setStage(site)
  await done(stage, { kind: 'scale', instanceId: stage.shop, replicas: { web: 2 } })
  const load = await loadOf(t, {
    target: { ...site.plane.front, hostHeader: `shop.${site.tenantId}.localhost` },
    rps: 40,
    slowPerSecond: 1,
  })
  const close = async () => {
    const report = await load.stop()
    await dispose()
    return report
  }
  return { stage, load, close }
}

async function endured(act: () => Promise<Ordeal>): Promise<Ordeal | Error> {
  try {
    return await act()
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** Short enough that what a machine remembers stays small, and that every lane has some. */
function chunksOf(from: number, to: number): [first: number, last: number][] {
  const size = Math.min(25, Math.ceil((to - from + 1) / lanes))
  const starts = Array.from({ length: Math.ceil((to - from + 1) / size) }, (_, index) => from + index * size)
  return starts.map(first => [first, Math.min(to, first + size - 1)])
}

function rangeOf(text: string): [from: number, to: number] {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  if (from === undefined || to === undefined) throw new Error(`SLIPWAY_KILLS is a range like 417..430, not ${text}`)
  return [Number(from), Number(to)]
}
