import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'
import { compileCache } from '../support/compile-cache.ts'
import { enterLane, type Lane } from '../support/ports.ts'

/**
 * The folders of this one whose suites put up several machines at once, or perform whole examples. They take turns in a lane of their own,
 * lest two of them starve each other; what runs beside them mostly keeps one processor busy, or waits.
 */
const crowded: ReadonlySet<string> = new Set(['crash', 'disk', 'examples', 'world'])

const tests = dirname(import.meta.dirname)

/**
 * Has the test files of one lane run in this process, one after the other. Every file is in one of the two. They are loaded without a turn of
 * the event loop in between: a test that began meanwhile would be kept waiting by the files that are compiled after it.
 */
export function run(lane: Lane): void {
  enterLane(lane)
  // What they start compiles the same files over and over.
  process.env['NODE_COMPILE_CACHE'] ??= compileCache
  const load = createRequire(import.meta.url)
  for (const file of testFiles()) {
    const [folder = ''] = file.split(sep)
    if (crowded.has(folder) === (lane === 'crowded')) load(join(tests, file))
  }
}

function testFiles(): string[] {
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
  return files.filter(file => file.endsWith('.test.ts')).toSorted()
}
