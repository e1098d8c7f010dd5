import { parseArgs } from 'node:util'
import { benchDeploys } from './deploy.ts'
import type { Figure } from './figure.ts'
import { openPlace, type Place } from './place.ts'
import { benchProxy } from './proxy.ts'
import { benchRollbacks } from './rollback.ts'
import { benchSwitches } from './switches.ts'

// Prints one JSON line per figure. What each means: docs/benchmarks.md

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})

/** How many samples each figure is made from: of the short form, and of the one that is told. */
const [deploys, switches, rollbacks, proxySeconds] = options.quick ? [6, 20, 20, 1] : [30, 200, 100, 3]

const parts: Readonly<Record<string, (place: Place) => Promise<readonly Figure[]>>> = {
  deploy: place => benchDeploys(place, deploys),
  switches: async place => [await benchSwitches(place, switches)],
  rollback: async place => [await benchRollbacks(place, rollbacks)],
  proxy: () => benchProxy(proxySeconds),
}

const wanted = positionals.length > 0 ? positionals : Object.keys(parts)
for (const name of wanted) {
  const part = parts[name]
  if (!part) {
    process.stderr.write(`There is no part "${name}"; there are ${Object.keys(parts).join(', ')}.\n`)
    process.exit(2)
  }
  // A place of its own each: what an earlier part left in the store is no later one's burden.
  await using cleanup = new AsyncDisposableStack()
  for (const figure of await part(await openPlace(cleanup))) process.stdout.write(`${JSON.stringify(figure)}\n`)
}
