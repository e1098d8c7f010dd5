import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Move, Table } from '../../../src/deploy/step.ts'
import { stepsFrom } from '../../../src/deploy/strategies/steps.ts'
import { checkStep, next, settle, withoutWarm } from '../../../src/deploy/table.ts'
import { isSlipwayError } from '../../../src/errors.ts'
import { names, revision, rowOf, service } from './scene.ts'

const a = revision('a')
const b = revision('b')
const until = '2030-01-01T00:00:00.000Z'
const table: Table = [rowOf(service('web', 'a', 3)), { ...rowOf(service('web', 'b', 1), 0), keepUntil: until }]

function run(replicas: number, release = 'rel_b'): Move {
  return { kind: 'run', service: 'web', revision: b, replicas, release }
}

test('run adds a row without traffic, raises it, never lowers it, and takes a warm one over', () => {
  assert.deepEqual(next([], run(2)), [rowOf(service('web', 'b', 2), 0)])
  assert.deepEqual(next(table, run(2))[1], rowOf(service('web', 'b', 2), 0))
  assert.deepEqual(next(next(table, run(5)), run(2, 'rel_c'))[1], {
    ...rowOf(service('web', 'b', 5), 0),
    release: 'rel_c',
  })
})

test('retire lowers, never raises, and at 0 the row goes with its weight', () => {
  const retire = (replicas: number): Move => ({ kind: 'retire', service: 'web', revision: a, replicas })
  assert.equal(next(table, retire(2))[0]?.replicas, 2)
  assert.equal(next(table, retire(9))[0]?.replicas, 3)
  assert.deepEqual(next(table, retire(0)), [table[1]])
})

test('route sets the weights of the services it names, on rows that exist; what it leaves out of them gets none', () => {
  const both = [...table, rowOf(service('api', 'a', 1))]
  const after = next(both, { kind: 'route', weights: { web: { [b]: 100, 'zzzzzz.1': 3 } } })
  assert.deepEqual(after, [rowOf(service('web', 'a', 3), 0), rowOf(service('web', 'b', 1), 100), both[2]])
})

test('steps are threaded, named, and left out where they would change nothing', () => {
  const task: Move = { kind: 'task', service: 'web', revision: b }
  const steps = stepsFrom(table, [task, run(1), run(2), run(1), task, { ...run(3), name: 'one more' }])
  assert.deepEqual(names(steps), ['task of web bbbbbb', 'run 2 of web bbbbbb', 'one more'])
  assert.equal(stepsFrom(table, [task, { ...task, revision: a }]).length, 2)
  assert.deepEqual(steps[2]?.table[1], rowOf(service('web', 'b', 3), 0))
})

test('what ends a deployment keeps rows by the release reached, gives warm ones an end, and leaves one that has it', () => {
  const reached = [
    service('web', 'a', 3, { release: 'rel_9' }),
    service('worker', 'a', 1, { routed: false, release: 'rel_9' }),
  ]
  const worker = rowOf(service('worker', 'a', 1, { routed: false }))
  const fresh = rowOf(service('web', 'c', 1), 0)
  assert.deepEqual(settle([...table, worker, fresh], reached, { keepUntil: 'later' }), [
    { ...table[0], release: 'rel_9' },
    table[1],
    { ...worker, release: 'rel_9' },
    { ...fresh, keepUntil: 'later' },
  ])
  assert.deepEqual(withoutWarm([...table, worker], reached), [table[0], worker])
})

const refused: { why: RegExp; move: Move; table?: Table }[] = [
  { why: /at least 1/, move: run(0) },
  { why: /at least 1/, move: run(1.5) },
  { why: /exclusive/, move: { ...run(1), service: 'db' } as Move },
  { why: /whole number/, move: { kind: 'retire', service: 'web', revision: a, replicas: -1 } },
  { why: /whole percents/, move: { kind: 'route', weights: { web: { [a]: 33.3, [b]: 66.7 } } } },
  { why: /whole percents/, move: { kind: 'route', weights: { web: { [a]: 101 } } } },
  { why: /sum to 90/, move: { kind: 'route', weights: { web: { [a]: 90 } } } },
  { why: /no revision zzzzzz/, move: { kind: 'route', weights: { web: { 'zzzzzz.1': 100 } } } },
  { why: /not what a run makes/, move: run(2), table },
  { why: /not what a hold makes/, move: { kind: 'hold', seconds: 1, checks: [] }, table: [] },
]

test('a step whose table does not follow, or that no table may want, is refused as bad_step', () => {
  const previous = [...table, rowOf(service('db', 'a', 1))]
  for (const { why, move, table } of refused) {
    const step = { ...move, name: 'mine', table: table ?? next(previous, move) }
    assert.throws(
      () => checkStep(previous, step, new Set(['db'])),
      (error: unknown) => isSlipwayError(error, 'bad_step') && why.test(error.message),
      String(why),
    )
  }
  for (const step of stepsFrom(previous, [run(2), { kind: 'route', weights: { web: { [b]: 100 } } }])) {
    checkStep(step.kind === 'run' ? previous : next(previous, run(2)), step, new Set(['db']))
  }
})
