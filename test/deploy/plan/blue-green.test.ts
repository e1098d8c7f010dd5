import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blueGreen } from '../../../src/deploy/strategies/blue-green.ts'
import { settle } from '../../../src/deploy/table.ts'
import { input, names, rowOf, type Scene, service } from './scene.ts'

function plan(scene: Scene): string[] {
  return names(blueGreen.plan?.(input(scene)))
}

const old = [
  service('web', 'a', 2, { dependsOn: ['api'] }),
  service('api', 'a', 1),
  service('worker', 'a', 2, { routed: false }),
  service('db', 'a', 1, { exclusive: true }),
]
const next = [
  service('web', 'b', 2, { dependsOn: ['api'] }),
  service('api', 'b', 1),
  service('worker', 'b', 2, { routed: false }),
  service('db', 'b', 1, { exclusive: true }),
]

test('blue-green stands everything up, then moves all traffic in one step, workers after it, and keeps the old warm', () => {
  assert.deepEqual(plan({ old, next }), [
    'prepare api, web, worker, db',
    'run 1 of api bbbbbb',
    'run 2 of web bbbbbb',
    'retire db aaaaaa to 0',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
    'route api 100 % to bbbbbb, web 100 % to bbbbbb',
    'run 2 of worker bbbbbb',
    'retire worker aaaaaa to 0',
  ])
})

test('a preview pauses before anything but added services has traffic; without warm rows the old ends in reverse order', () => {
  assert.deepEqual(plan({ old, next, options: { preview: true, keepWarmSeconds: 0 } }), [
    'prepare api, web, worker, db',
    'run 1 of api bbbbbb',
    'run 2 of web bbbbbb',
    'pause at preview',
    'retire db aaaaaa to 0',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
    'route api 100 % to bbbbbb, web 100 % to bbbbbb',
    'run 2 of worker bbbbbb',
    'retire worker aaaaaa to 0',
    'retire web aaaaaa to 0',
    'retire api aaaaaa to 0',
  ])
})

test('a first deploy brings services up one after the other, and has nothing to preview', () => {
  assert.deepEqual(plan({ next, options: { preview: true } }), [
    'prepare api, web, worker, db',
    'run 1 of api bbbbbb',
    'route api 100 % to bbbbbb',
    'run 2 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'run 2 of worker bbbbbb',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
  ])
})

test('to stop is to reach nothing: dependents first', () => {
  assert.deepEqual(plan({ old, next: [], mode: 'rollback' }), [
    'retire db aaaaaa to 0',
    'retire worker aaaaaa to 0',
    'retire web aaaaaa to 0',
    'retire api aaaaaa to 0',
  ])
})

test('a rollback to a warm release is one route step, and what it replaces is warm then', () => {
  const before = [service('web', 'b', 2), service('api', 'a', 1, { release: 'rel_b' })]
  const after = [service('web', 'a', 2), service('api', 'a', 1)]
  const warm = [{ ...rowOf(service('web', 'a', 2), 0), keepUntil: '2030-01-01T00:00:00.000Z' }]
  const steps = blueGreen.plan?.(input({ old: before, next: after, warm, mode: 'rollback' })) ?? []
  assert.deepEqual(names(steps), ['route web 100 % to aaaaaa'])
  assert.deepEqual(settle(steps.at(-1)?.table ?? [], after, { keepUntil: '2031-01-01T00:00:00.000Z' }), [
    { ...rowOf(service('web', 'b', 2), 0), keepUntil: '2031-01-01T00:00:00.000Z' },
    rowOf(service('api', 'a', 1)),
    rowOf(service('web', 'a', 2)),
  ])
})

test('a rollback runs no tasks', () => {
  const back = [service('web', 'a', 1, { before: true })]
  assert.deepEqual(plan({ old: [service('web', 'b', 1)], next: back, mode: 'rollback' }), [
    'prepare web',
    'run 1 of web aaaaaa',
    'route web 100 % to aaaaaa',
  ])
})

test('to scale is to run more at the place, or to retire at the end; what is warm stays warm', () => {
  const web = service('web', 'a', 2)
  const warm = [rowOf(service('web', '0', 2), 0)]
  assert.deepEqual(plan({ old: [web], next: [{ ...web, replicas: 5 }], warm }), ['run 5 of web aaaaaa'])
  assert.deepEqual(plan({ old: [web], next: [{ ...web, replicas: 1 }], warm }), ['retire web aaaaaa to 1'])
})

test('a restart is another generation of the same content: no task, and the old one serves until the new one does', () => {
  const web = service('web', 'a', 2, { before: true })
  const options = { keepWarmSeconds: 0 }
  assert.deepEqual(plan({ old: [web], next: [{ ...web, revision: 'aaaaaa.2' }], options }), [
    'prepare web',
    'run 2 of web aaaaaa.2',
    'route web 100 % to aaaaaa.2',
    'retire web aaaaaa to 0',
  ])
})

test('a service with its first port has traffic before what depends on it starts; one without its port ends after it', () => {
  const from = [service('new', 'a', 1, { routed: false }), service('lost', 'a', 1), service('web', 'a', 1)]
  const to = [
    service('new', 'b', 1),
    service('lost', 'b', 1, { routed: false }),
    service('web', 'b', 1, { dependsOn: ['new'] }),
  ]
  assert.deepEqual(plan({ old: from, next: to }), [
    'prepare new, lost, web',
    'run 1 of new bbbbbb',
    'route new 100 % to bbbbbb',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'run 1 of lost bbbbbb',
    'retire new aaaaaa to 0',
    'retire lost aaaaaa to 0',
  ])
})

test('only what was active stays warm: not the rest of a release whose undo failed', () => {
  const a = service('web', 'a', 2)
  const table = [rowOf(a, 75), rowOf(service('web', 'b', 1), 25)]
  assert.deepEqual(plan({ table, old: [a], next: [service('web', 'c', 2)] }), [
    'prepare web',
    'run 2 of web cccccc',
    'route web 100 % to cccccc',
    'retire web bbbbbb to 0',
  ])
})
