import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import { input, names, rowOf, type Scene, service } from './scene.ts'

function plan(scene: Scene): string[] {
  return names(rolling.plan?.(input(scene)))
}

test('rolling moves replica by replica, traffic in proportion, and retires only what was replaced', () => {
  assert.deepEqual(plan({ old: [service('web', 'a', 3)], next: [service('web', 'b', 3)] }), [
    'prepare web',
    'run 1 of web bbbbbb',
    'route web 33 % to bbbbbb',
    'retire web aaaaaa to 2',
    'run 2 of web bbbbbb',
    'route web 66 % to bbbbbb',
    'retire web aaaaaa to 1',
    'run 3 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
  ])
})

test('rolling without surge retires first, no more than may be unavailable', () => {
  const options = { maxSurge: 0, maxUnavailable: 1 }
  assert.deepEqual(plan({ old: [service('web', 'a', 3)], next: [service('web', 'b', 3)], options }), [
    'prepare web',
    'retire web aaaaaa to 2',
    'run 1 of web bbbbbb',
    'route web 33 % to bbbbbb',
    'retire web aaaaaa to 1',
    'run 2 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 3 of web bbbbbb',
  ])
})

test('rolling keeps one replica ready even where all of them may be unavailable', () => {
  const options = { maxSurge: 0, maxUnavailable: 4 }
  assert.deepEqual(plan({ old: [service('web', 'a', 4)], next: [service('web', 'b', 4)], options }), [
    'prepare web',
    'retire web aaaaaa to 1',
    'run 3 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 4 of web bbbbbb',
  ])
})

test('rolling takes services in dependency order, whatever the order they are declared in', () => {
  const old = [service('web', 'a', 1, { dependsOn: ['api'] }), service('api', 'a', 1)]
  const next = [service('web', 'b', 1, { dependsOn: ['api'] }), service('api', 'b', 1)]
  assert.deepEqual(plan({ old, next }), [
    'prepare api, web',
    'run 1 of api bbbbbb',
    'route api 100 % to bbbbbb',
    'retire api aaaaaa to 0',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
  ])
})

test('rolling changes the count on the way: more run at once, fewer at the end', () => {
  const old = [service('web', 'a', 1), service('api', 'a', 2), service('worker', 'a', 4, { routed: false })]
  const next = [service('web', 'b', 3), service('api', 'a', 4), service('worker', 'a', 1, { routed: false })]
  assert.deepEqual(plan({ old, next }), [
    'prepare web',
    'run 3 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 4 of api aaaaaa',
    'retire worker aaaaaa to 1',
  ])
})

test('rolling moves a worker by its replicas alone', () => {
  const old = [service('worker', 'a', 2, { routed: false })]
  const next = [service('worker', 'b', 2, { routed: false })]
  assert.deepEqual(plan({ old, next }), [
    'prepare worker',
    'run 1 of worker bbbbbb',
    'retire worker aaaaaa to 1',
    'run 2 of worker bbbbbb',
    'retire worker aaaaaa to 0',
  ])
})

test('rolling replaces an exclusive service at its place, its task while nothing of it runs', () => {
  const old = [service('db', 'a', 1, { exclusive: true }), service('web', 'a', 1, { dependsOn: ['db'] })]
  const next = [
    service('db', 'b', 1, { exclusive: true, before: true }),
    service('web', 'b', 1, { dependsOn: ['db'], before: true }),
  ]
  assert.deepEqual(plan({ old, next }), [
    'prepare db, web',
    'task of web bbbbbb',
    'retire db aaaaaa to 0',
    'task of db bbbbbb',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
  ])
})

test('a task waits for a service that this plan adds', () => {
  const old = [service('web', 'a', 1, { dependsOn: ['api'] }), service('api', 'a', 1)]
  const next = [
    service('web', 'b', 1, { dependsOn: ['api'], before: true }),
    service('api', 'a', 1, { dependsOn: ['cache'] }),
    service('cache', 'a', 1, { before: true }),
  ]
  assert.deepEqual(plan({ old, next }), [
    'prepare cache, web',
    'task of cache aaaaaa',
    'run 1 of cache aaaaaa',
    'route cache 100 % to aaaaaa',
    'task of web bbbbbb',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
  ])
})

test('a service that loses its port moves when what called it has moved, and removed services end last', () => {
  const old = [service('api', 'a', 1), service('old', 'a', 1), service('web', 'a', 1, { dependsOn: ['api', 'old'] })]
  const next = [service('api', 'b', 1, { routed: false }), service('web', 'b', 1)]
  assert.deepEqual(plan({ old, next }), [
    'prepare api, web',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 1 of api bbbbbb',
    'retire api aaaaaa to 0',
    'retire old aaaaaa to 0',
  ])
})

test('rolling takes a warm revision over, and retires the warm rows it does not want first', () => {
  const old = [service('web', 'b', 2), service('api', 'b', 1)]
  const next = [service('web', 'a', 2), service('api', 'c', 1)]
  const warm = [rowOf(service('web', 'a', 2), 0), rowOf(service('api', 'a', 1), 0)]
  assert.deepEqual(plan({ old, next, warm }), [
    'prepare api',
    'retire api aaaaaa to 0',
    'route web 100 % to aaaaaa',
    'retire web bbbbbb to 0',
    'run 1 of api cccccc',
    'route api 100 % to cccccc',
    'retire api bbbbbb to 0',
  ])
})

test('warm rows nobody wants go before anything starts, dependents first', () => {
  const old = [service('api', 'b', 1), service('web', 'b', 1, { dependsOn: ['api'] })]
  const next = [service('api', 'b', 1), service('web', 'c', 1, { dependsOn: ['api'] })]
  const warm = [rowOf(service('api', 'a', 1), 0), rowOf(service('web', 'a', 1), 0)]
  assert.deepEqual(plan({ old, next, warm }).slice(0, 3), [
    'prepare web',
    'retire web aaaaaa to 0',
    'retire api aaaaaa to 0',
  ])
})

test('a release that changes nothing has an empty plan, and warm rows stay', () => {
  const old = [service('web', 'a', 2), service('worker', 'a', 1, { routed: false })]
  const next = old.map(known => ({ ...known, release: 'rel_next' }))
  assert.deepEqual(plan({ old, next, warm: [rowOf(service('web', '0', 2), 0)] }), [])
})

test('traffic that two old revisions share after a failed undo goes over to the new one without a gap', () => {
  const a = service('web', 'a', 3)
  const table = [rowOf(a, 60), rowOf(service('web', 'b', 2), 40)]
  const steps = rolling.plan?.(input({ table, old: [a], next: [service('web', 'c', 3)] })) ?? []
  assert.deepEqual(names(steps), [
    'prepare web',
    'run 1 of web cccccc',
    'route web 33 % to cccccc and 67 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 3 of web cccccc',
    'route web 100 % to cccccc',
    'retire web bbbbbb to 0',
  ])
})

test('a warm row that another release takes over is kept by that one before it has traffic', () => {
  const warm = [rowOf(service('web', 'a', 2), 0)]
  const steps = rolling.plan?.(
    input({ old: [service('web', 'b', 2)], next: [service('web', 'a', 2, { release: 'rel_9' })], warm }),
  )
  assert.deepEqual(names(steps), ['run 2 of web aaaaaa', 'route web 100 % to aaaaaa', 'retire web bbbbbb to 0'])
  assert.deepEqual(steps?.at(-1)?.table, [rowOf(service('web', 'a', 2, { release: 'rel_9' }))])
})

test('workers of two revisions that both work after a failed undo count together', () => {
  const worker = { routed: false }
  const a = service('worker', 'a', 3, worker)
  const table = [rowOf(a), rowOf(service('worker', 'b', 2, worker))]
  assert.deepEqual(plan({ table, old: [a], next: [service('worker', 'b', 5, worker)] }), [
    'run 3 of worker bbbbbb',
    'retire worker aaaaaa to 2',
    'run 4 of worker bbbbbb',
    'retire worker aaaaaa to 1',
    'run 5 of worker bbbbbb',
    'retire worker aaaaaa to 0',
  ])
})

test('of what loses its port or is removed, what called goes before what it called', () => {
  const worker = { routed: false }
  const old = [
    service('db', 'a', 1),
    service('api', 'a', 1, { dependsOn: ['db'] }),
    service('report', 'a', 1, { dependsOn: ['api'], ...worker }),
    service('other', 'a', 1),
  ]
  const next = [service('db', 'b', 1, worker), service('api', 'b', 1, worker)]
  assert.deepEqual(plan({ old, next }), [
    'prepare db, api',
    'retire report aaaaaa to 0',
    'run 1 of api bbbbbb',
    'retire api aaaaaa to 0',
    'run 1 of db bbbbbb',
    'retire db aaaaaa to 0',
    'retire other aaaaaa to 0',
  ])
})
