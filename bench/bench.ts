import { parseArgs } from 'node:util'
import { benchApi } from './api.ts'
import { benchDeploys } from './deploy.ts'
import type { Figure } from './figure.ts'
import { benchFirstMove } from './first-move.ts'
import { benchHealing } from './healing.ts'
import { benchLists } from './lists.ts'
import { benchMany } from './many.ts'
import { benchParked } from './parked.ts'
import { openPlace, type Place } from './place.ts'
import { benchProxy } from './proxy.ts'
import { benchPs } from './ps.ts'
import { benchReads } from './reads.ts'
import { benchResume } from './resume.ts'
import { benchRollbacks } from './rollback.ts'
import { benchStreams } from './streams.ts'
import { benchSwitches } from './switches.ts'
import { benchThroughput } from './throughput.ts'

// Prints one JSON line per figure. What each means: docs/benchmarks.md

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, tiny: { type: 'boolean', default: false } },
})

/** How much each figure is made from: the one that is told, the short form, and so little that it only shows that the benchmark works. */
const sizes = {
  deploys: [30, 6, 1],
  switches: [200, 20, 2],
  rollbacks: [100, 20, 2],
  heals: [30, 8, 1],
  proxySeconds: [3, 1, 1],
  together: [100, 100, 3],
  rounds: [5, 2, 1],
  floorCommits: [500, 500, 10],
  atOnce: [1000, 200, 3],
  running: [1000, 200, 3],
  parked: [10_000, 1000, 10],
  watchedMs: [5000, 5000, 100],
  listeners: [1000, 200, 5],
  asked: [200, 50, 3],
  meanwhile: [200, 100, 3],
  few: [1000, 1000, 100],
  listed: [1_000_000, 50_000, 200],
  starts: [3, 1, 1],
  calls: [30, 10, 1],
} as const
const form = options.tiny ? 2 : options.quick ? 1 : 0

function size(name: keyof typeof sizes): number {
  return sizes[name][form]
}

type Part = () => Promise<readonly Figure[]>

/** A place of its own each: what an earlier part left in the store is no later one's burden. */
function inPlace(measure: (place: Place) => Promise<readonly Figure[]>): Part {
  return async () => {
    await using cleanup = new AsyncDisposableStack()
    return await measure(await openPlace(cleanup))
  }
}

const parts: Readonly<Record<string, Part>> = {
  deploy: inPlace(place => benchDeploys(place, size('deploys'))),
  switches: inPlace(async place => [await benchSwitches(place, size('switches'))]),
  rollback: inPlace(async place => [await benchRollbacks(place, size('rollbacks'))]),
  healing: () => benchHealing(size('heals')),
  proxy: () => benchProxy(size('proxySeconds')),
  engine: () => benchThroughput(size('together'), size('rounds'), size('floorCommits')),
  many: () => benchMany(size('atOnce')),
  resume: async () => [await benchResume(size('running'))],
  parked: () => benchParked(size('parked'), size('watchedMs')),
  streams: async () => [...(await benchStreams(size('listeners'))), await benchReads(size('proxySeconds'))],
  api: () => benchApi(size('asked'), size('meanwhile')),
  start: async () => [await benchFirstMove(size('starts'))],
  ps: inPlace(async place => [await benchPs(place, size('calls'))]),
  lists: () => benchLists(size('few'), size('listed'), 200),
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
