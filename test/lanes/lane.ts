import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { compileCache } from '../support/compile-cache.ts'
import { enterLane, type Lane } from '../support/ports.ts'
import { keepFilesInMemory } from './memory.ts'
import { withoutPromiseHooks } from './unhooked.ts'

/**
 * The lanes of the folders of this one; what is not named here runs in the lane `others`. The suites of `crowded` put up several machines at
 * once, and take turns lest two of them starve each other. Those of `waiting` put up one, or a proxy, and mostly wait for what takes its
 * time. What runs beside them mostly keeps one processor busy, and gets the less of it the more the others have to do: it has the least.
 */
const lanes: ReadonlyMap<string, Lane> = new Map([
  ['bench', 'crowded'],
  ['contract20', 'waiting'],
  ['crash', 'crowded'],
  ['disk', 'crowded'],
  ['examples', 'waiting'],
  ['healing', 'waiting'],
  ['history', 'crowded'],
  ['router', 'waiting'],
  ['world', 'crowded'],
])

const tests = dirname(import.meta.dirname)

/**
 * Has the test files of one lane run in this process, one after the other. Every file is in one of them. They are loaded without a turn of
 * the event loop in between: a test that began meanwhile would be kept waiting by the files that are compiled after it.
 */
export function run(lane: Lane): void {
  enterLane(lane)
  // The full form is the one that is played on a disk.
  if (process.env['SLIPWAY_TEST_FULL'] === undefined) keepFilesInMemory()
  // What they start compiles the same files over and over.
  process.env['NODE_COMPILE_CACHE'] ??= compileCache
  const load = createRequire(import.meta.url)
  withoutPromiseHooks(() => {
    for (const file of testFiles()) {
      const [folder = ''] = file.split(sep)
      if ((lanes.get(folder) ?? 'others') === lane) load(join(tests, file))
    }
  })
}

function testFiles(): string[] {
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  return files.filter(file => file.endsWith('.test.ts')).toSorted()
}
