import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestamp } from '../../src/clock.ts'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { FrozenPlan, Run, StepRecord } from '../../src/deploy/run.ts'
import type { Step, Table } from '../../src/deploy/step.ts'
import { humanWaits, timelineOf } from '../../src/deploy/timeline.ts'
import type { Event, EventType } from '../../src/event/event.ts'

const start = Date.UTC(2026, 10, 23, 12)
const at = (seconds: number) => timestamp(start + seconds * 1000)
const old = { service: 'web', revision: 'aa.1', replicas: 2, weight: 100, release: 'rel_1' }
const fresh = { service: 'web', revision: 'bb.1', replicas: 2, weight: 0, release: 'rel_2' }
const api = { service: 'api', revision: 'cc.1', replicas: 1, weight: 100, release: 'rel_1' }
const base: Table = [old, api]
const both: Table = [{ ...old, weight: 75 }, { ...fresh, weight: 25 }, api]

const prepare: Step = {
  kind: 'prepare',
  name: 'prepare',
  table: base,
  revisions: [{ service: 'web', revision: 'bb.1' }],
}
const run: Step = {
  kind: 'run',
  name: 'run web',
  table: [old, fresh, api],
  service: 'web',
  revision: 'bb.1',
  replicas: 2,
  release: 'rel_2',
}
const route: Step = { kind: 'route', name: '25 %', table: both, weights: { web: { 'aa.1': 75, 'bb.1': 25 } } }
const pause: Step = { kind: 'pause', name: 'pause', table: both, gate: '25%' }
const retire: Step = { kind: 'retire', name: 'retire web', table: base, service: 'web', revision: 'bb.1', replicas: 0 }

test('the lane of a deployment says where all its time went, and a service has the bars that move it', () => {
  const records = [
    done(prepare, 0, 10, 70),
    { ...done(run, 1, 70, 100), runningAt: at(80) },
    done(route, 2, 100, 101),
    done(pause, 3, 101, 401),
  ]
  const ended = aRun({ state: 'succeeded', finishedAt: at(410) })
  const events = [event('deploy.started', 9), event('deploy.progress', 10, { name: 'prepare' })]
  const told = timelineOf({ run: ended, records, events, watches: [], now: start + 1_000_000 })
  assert.deepEqual(told.spentMs, {
    queued: 9000,
    plan: 1000,
    prepare: 60_000,
    start: 10_000,
    health: 20_000,
    shift: 1000,
    human: 300_000,
  })
  assert.deepEqual(
    told.lanes.map(({ service, bars }) => [service, bars.map(({ phase }) => phase)]),
    [
      [undefined, ['queued', 'plan', 'prepare', 'start', 'health', 'shift', 'human']],
      ['web', ['prepare', 'start', 'health', 'shift', 'human']],
    ],
  )
  assert.deepEqual([told.from, told.to], [at(0), at(410)])
  assert.deepEqual(
    told.marks.map(({ type, text }) => [type, text]),
    [
      ['deploy.started', undefined],
      ['deploy.progress', 'prepare'],
    ],
  )
})

test('the bar of a step that lasts has no end, and one that was cut short ends where the way back begins', () => {
  const begun: StepRecord = { ...done(run, 0, 10, 0), state: 'begun' }
  const { endedAt: _, ...open } = begun
  void _
  const going = timelineOf({ run: aRun({}), records: [open], events: [], watches: [], now: start + 20_000 })
  assert.deepEqual(
    going.lanes[0]?.bars.map(({ phase, to }) => [phase, to]),
    [
      ['queued', at(9)],
      ['plan', at(10)],
      ['start', undefined],
    ],
  )
  assert.equal(going.spentMs.start, 10_000)
  const back = {
    ...aRun({ state: 'failed', finishedAt: at(40) }),
    undo: { end: 'failed', code: 'x', error: 'x', at: at(30) },
  } as const
  const undoing = { ...done(retire, 0, 31, 39), phase: 'undo' } as const
  const undone = timelineOf({ run: back, records: [open, undoing], events: [], watches: [], now: start + 99_000 })
  assert.deepEqual(
    undone.lanes[1]?.bars.map(({ phase, from, to, undo }) => [phase, from, to, undo]),
    [
      ['start', at(10), at(30), undefined],
      ['drain', at(31), at(39), true],
    ],
  )
})

test('a pause that someone asked for, and time without a control plane, are told as such', () => {
  const records = [done(prepare, 0, 9, 20), done(route, 1, 120, 121)]
  const events = [event('deploy.paused', 21, { by: 'request' }), event('deploy.resumed', 120)]
  const watches = [
    { from: at(-500), until: at(40) },
    { from: at(100), until: at(200) },
  ]
  const input = { run: aRun({ state: 'succeeded', finishedAt: at(121) }), records, events, now: start + 200_000 }
  const { spentMs } = timelineOf({ ...input, watches })
  assert.deepEqual([spentMs.human, spentMs.away], [99_000, 60_000])
  assert.deepEqual(humanWaits(input), { ms: 99_000, waits: false })
})

test('of a deployment whose steps are not kept it is known that it waited, began and ended', () => {
  const { plan: _, ...bare } = aRun({ state: 'succeeded', finishedAt: at(60) })
  void _
  const told = timelineOf({ run: bare, records: [], events: [], watches: [], now: start + 99_000 })
  assert.deepEqual([told.pruned, told.spentMs, told.to], [true, { queued: 9000 }, at(60)])
})

function done(step: Step, position: number, from: number, to: number): StepRecord {
  return {
    deploymentId: 'dep_1',
    phase: 'forward',
    position,
    digest: 'x',
    step,
    state: 'done',
    beganAt: at(from),
    endedAt: at(to),
  }
}

function event(type: EventType, seconds: number, data?: Record<string, unknown>): Event {
  return { id: `evt_${seconds}`, seq: seconds, type, at: at(seconds), tenantId: 'acme', ...(data ? { data } : {}) }
}

function aRun(more: Partial<Deployment>): Run {
  const plan: FrozenPlan = {
    base,
    mode: 'deploy',
    old: [],
    next: [],
    specs: {},
    options: {},
    readyAtStart: {},
    replicas: {},
    keepWarmMs: 0,
  }
  const deployment: Deployment = {
    id: 'dep_1',
    createdAt: at(0),
    updatedAt: at(0),
    tenantId: 'acme',
    instanceId: 'inst_1',
    releaseId: 'rel_2',
    kind: 'deploy',
    state: 'running',
    strategy: 'canary',
    services: [],
    initiator: 'ana',
    startedAt: at(9),
    ...more,
  }
  return { deployment, request: { kind: 'initial' }, plan, watchedMs: 0 }
}
