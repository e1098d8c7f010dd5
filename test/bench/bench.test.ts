import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Figure } from '../../bench/figure.ts'
import { root, sectionOf, textOf } from '../docs/markdown.ts'

/** The parts that are tried, and their figures: those of many instances, which need no machines, and those that take the command line as people do. */
const tried = {
  healing: ['heal_control_plane_p95_ms', 'heal_replica_p95_ms', 'heal_proxy_p95_ms', 'lost_while_away'],
  engine: ['deployments_per_bare_commit', 'steps_per_second'],
  many: ['longest_pause_ms'],
  resume: ['resume_seconds'],
  parked: ['parked_bytes', 'baking_bytes'],
  api: ['deploy_requests_ratio', 'api_p99_while_deploying_ms'],
  start: ['first_move_seconds'],
  ps: ['ps_cold_start_ms'],
  lists: ['list_ratio_one_instance', 'list_ratio_many_instances'],
}

test('the benchmark runs, prints the figures its document explains, and leaves nothing behind', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'bench/bench.ts'), '--tiny', ...Object.keys(tried)],
    { env: { ...process.env, TMPDIR: folder }, timeout: 300_000, killSignal: 'SIGKILL' },
  )
  const figures = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Figure)
  const names = Object.values(tried).flat()
  assert.deepEqual(
    figures.map(({ figure }) => figure),
    names,
  )
  for (const { figure, value } of figures) assert.ok(Number.isFinite(value), figure)
  const explained = sectionOf(textOf('docs/benchmarks.md'), 'What each figure is')
  for (const name of names) assert.ok(explained.includes(`\`${name}\``), name)
  const away = figures.find(({ figure }) => figure === 'lost_while_away')
  assert.deepEqual([away?.value, away?.['control_planes_killed']], [0, 1], 'the requests went on without it')
  const resumed = figures.find(({ figure }) => figure === 'resume_seconds')
  assert.deepEqual([resumed?.['running'], resumed?.['held']], [3, 3], 'all are held by the one that died')
  assert.deepEqual(readdirSync(folder), [])
})
