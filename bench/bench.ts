import { parseArgs } from 'node:util'
import { benchDeploys } from './deploy.ts'
import type { Figure } from './figure.ts'
import { benchLists } from './lists.ts'
import { benchMany } from './many.ts'
import { benchParked } from './parked.ts'
import { openPlace, type Place } from './place.ts'
import { benchProxy } from './proxy.ts'
import { benchResume } from './resume.ts'
import { benchRollbacks } from './rollback.ts'
import { benchSwitches } from './switches.ts'
import { benchThroughput } from './throughput.ts'

// Prints one JSON line per figure. What each means: docs/benchmarks.md

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})

/** How many samples each figure is made from: of the short form, and of the one that is told. */
const [deploys, switches, rollbacks, proxySeconds] = options.quick ? [6, 20, 20, 1] : [30, 200, 100, 3]
/** How many of each the figures of many instances are made from. */
const [rounds, atOnce, parked, running, listed] = options.quick
  ? [2, 200, 1000, 200, 50_000]
  : [5, 1000, 10_000, 1000, 1_000_000]

type Part = () => Promise<readonly Figure[]>

/** A place of its own each: what an earlier part left in the store is no later one's burden. */
function inPlace(measure: (place: Place) => Promise<readonly Figure[]>): Part {
  return async () => {
    await using cleanup = new AsyncDisposableStack()
    return await measure(await openPlace(cleanup))
  }
}

const parts: Readonly<Record<string, Part>> = {
  deploy: inPlace(place => benchDeploys(place, deploys)),
  switches: inPlace(async place => [await benchSwitches(place, switches)]),
  rollback: inPlace(async place => [await benchRollbacks(place, rollbacks)]),
  proxy: () => benchProxy(proxySeconds),
  engine: () => benchThroughput(100, rounds),
  many: () => benchMany(atOnce),
  resume: async () => [await benchResume(running)],
  parked: () => benchParked(parked, 5000),
  lists: () => benchLists(1000, listed, 200),
}

const wanted = positionals.length > 0 ? positionals : Object.keys(parts)
for (const name of wanted) {
  const part = parts[name]
  if (!part) {
    process.stderr.write(`There is no part "${name}"; there are ${Object.keys(parts).join(', ')}.\n`)
    process.exit(2)
  }
  for (const figure of await part()) process.stdout.write(`${JSON.stringify(figure)}\n`)
}
