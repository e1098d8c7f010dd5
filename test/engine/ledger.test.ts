import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrozenPlan, Run, StepRecord } from '../../src/deploy/run.ts'
import type { Step } from '../../src/deploy/step.ts'
import type { Store, Stores } from '../../src/deploy/work.ts'
import type { Attendance } from '../../src/engine/context.ts'
import { Ledger } from '../../src/engine/ledger.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'

const full = new SlipwayError('disk_full', 'The disk is full.')

test('the end of a step is counted once it is on disk, and not again when the step had to be taken up again', async () => {
  const clock = fakeClock()
  const told: [kind: string, seconds: number][] = []
  const disk = { full: false }
  const tx = {
    work: { fence: async () => 0, saveStep: async () => {}, saveWatched: async () => {}, patch: async () => {} },
    deploys: { updateDeployment: async () => true },
    events: { append: async () => {} },
  } as unknown as Stores
  const store = {
    transaction: (work: (tx: Stores) => unknown) => (disk.full ? Promise.reject(full) : work(tx)),
  } as Store
  const observer = {
    stepEnded: (end: { kind: string; seconds: number }) => void told.push([end.kind, end.seconds]),
  }
  const at = { parts: { store, clock, observer, onCommit: () => {} }, lease: { claim: {} } } as unknown as Attendance
  const run = { deployment: { id: 'dep_1', strategy: 'canary' } } as Run
  const ledger = new Ledger(run, { steps: [], next: [] } as unknown as FrozenPlan, at)
  const begun = (position: number, kind: 'run' | 'hold'): StepRecord => ({
    deploymentId: 'dep_1',
    phase: 'forward',
    position,
    digest: '',
    step: { kind, name: kind, table: [] } as unknown as Step,
    state: 'begun',
    beganAt: new Date(clock.now()).toISOString(),
  })
  const [first, hold] = [begun(0, 'run'), begun(1, 'hold')]
  await ledger.begin(first, [], () => false)
  await clock.advance(2000)
  await ledger.end(first, { kind: 'done' })
  assert.deepEqual(told, [], 'it is written with the next')
  disk.full = true
  await assert.rejects(
    ledger.begin(hold, [], () => false),
    full,
  )
  assert.deepEqual(told, [])
  disk.full = false
  await clock.advance(5000)
  await ledger.begin(hold, [], () => false)
  assert.deepEqual(told, [['run', 2]])
  disk.full = true
  await assert.rejects(ledger.end(hold, { kind: 'done' }), full)
  assert.equal(told.length, 1)
})
