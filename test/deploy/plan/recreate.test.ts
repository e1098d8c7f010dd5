import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blueGreen } from '../../../src/deploy/strategies/blue-green.ts'
import { downtime } from '../../../src/deploy/strategies/downtime.ts'
import { recreate } from '../../../src/deploy/strategies/recreate.ts'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import { input, names, service } from './scene.ts'

const old = [
  service('web', 'a', 2, { dependsOn: ['api'] }),
  service('api', 'a', 1, { dependsOn: ['db'] }),
  service('db', 'a', 1, { exclusive: true }),
  service('worker', 'a', 1, { routed: false }),
]
const next = [
  service('web', 'b', 2, { dependsOn: ['api'], before: true }),
  service('api', 'a', 1, { dependsOn: ['db'] }),
  service('db', 'b', 1, { exclusive: true, before: true }),
  service('worker', 'b', 2, { routed: false }),
]

test('recreate ends the old revision of a service before it begins the new one; tasks run while the old one serves', () => {
  assert.deepEqual(names(recreate.plan?.(input({ old, next }))), [
    'prepare db, web, worker',
    'task of web bbbbbb',
    'retire db aaaaaa to 0',
    'task of db bbbbbb',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
    'retire web aaaaaa to 0',
    'run 2 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire worker aaaaaa to 0',
    'run 2 of worker bbbbbb',
  ])
})

test('a task that waits for an added service comes before the first step of its own', () => {
  const steps = recreate.plan?.(
    input({
      old: [service('web', 'a', 1)],
      next: [service('web', 'b', 1, { dependsOn: ['cache'], before: true }), service('cache', 'a', 1)],
    }),
  )
  assert.deepEqual(names(steps), [
    'prepare cache, web',
    'run 1 of cache aaaaaa',
    'route cache 100 % to aaaaaa',
    'task of web bbbbbb',
    'retire web aaaaaa to 0',
    'run 1 of web bbbbbb',
    'route web 100 % to bbbbbb',
  ])
})

test('the dry run says what has downtime: everything recreate moves, elsewhere exclusive services and those without room', () => {
  const from = input({ old, next })
  assert.deepEqual(downtime(recreate.plan?.(from) ?? [], from), ['web', 'db', 'worker'])
  assert.deepEqual(downtime(blueGreen.plan?.(from) ?? [], from), ['db'])
  assert.deepEqual(downtime(rolling.plan?.(from) ?? [], from), ['db'])
  const first = input({ next })
  assert.deepEqual(downtime(recreate.plan?.(first) ?? [], first), [])
  const tight = input({
    old: [service('web', 'a', 1), service('api', 'a', 2)],
    next: [service('web', 'b', 1), service('api', 'b', 2)],
    options: { maxSurge: 0, maxUnavailable: 1 },
  })
  assert.deepEqual(downtime(rolling.plan?.(tight) ?? [], tight), ['web'])
})
