import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canary } from '../../../src/deploy/strategies/canary.ts'
import { input, names, type Scene, service } from './scene.ts'

function plan(scene: Scene): string[] {
  return names(canary.plan?.(input(scene)))
}

test('canary moves traffic by growing shares, all services in lockstep, each share held; the old stays warm', () => {
  const old = [service('web', 'a', 4), service('api', 'a', 2)]
  const next = [service('web', 'b', 4), service('api', 'b', 2)]
  assert.deepEqual(plan({ old, next }), [
    'prepare web, api',
    'run 1 of web bbbbbb',
    'run 1 of api bbbbbb',
    'route web 5 % to bbbbbb, api 5 % to bbbbbb',
    'hold 60 s',
    'route web 25 % to bbbbbb, api 25 % to bbbbbb',
    'hold 60 s',
    'run 2 of web bbbbbb',
    'route web 50 % to bbbbbb, api 50 % to bbbbbb',
    'hold 60 s',
    'run 4 of web bbbbbb',
    'run 2 of api bbbbbb',
    'route web 100 % to bbbbbb, api 100 % to bbbbbb',
  ])
})

test('a worker gets the share its replicas allow, and the plan says which', () => {
  const old = [service('worker', 'a', 4, { routed: false })]
  const next = [service('worker', 'b', 4, { routed: false })]
  assert.deepEqual(plan({ old, next }), [
    'prepare worker',
    'run 1 of worker bbbbbb (1 of 5 worker replicas = 20 %)',
    'hold 60 s',
    'retire worker aaaaaa to 3 (1 of 4 worker replicas = 25 %)',
    'hold 60 s',
    'run 2 of worker bbbbbb',
    'retire worker aaaaaa to 2 (2 of 4 worker replicas = 50 %)',
    'hold 60 s',
    'run 4 of worker bbbbbb',
    'retire worker aaaaaa to 0',
  ])
})

test('each step has its own hold, checks and pause; a pause is named after its share', () => {
  const checks = [{ type: 'errors' as const, maxRate: 0.01 }]
  const steps = canary.plan?.(
    input({
      old: [service('web', 'a', 2)],
      next: [service('web', 'b', 2)],
      options: {
        steps: [
          { weight: 10, holdSeconds: 0 },
          { weight: 20, checks, pause: true },
          { weight: 50, holdSeconds: 5, pause: 'go', pauseSeconds: 600 },
        ],
        keepWarmSeconds: 0,
      },
    }),
  )
  assert.deepEqual(names(steps), [
    'prepare web',
    'run 1 of web bbbbbb',
    'route web 10 % to bbbbbb',
    'route web 20 % to bbbbbb',
    'hold 60 s',
    'pause at 20%',
    'route web 50 % to bbbbbb',
    'hold 5 s',
    'pause at go for up to 600 s',
    'run 2 of web bbbbbb',
    'route web 100 % to bbbbbb',
    'retire web aaaaaa to 0',
  ])
  const hold = steps?.find(step => step.kind === 'hold')
  assert.deepEqual(hold?.kind === 'hold' && hold.checks, checks)
})

test('with nothing at a partial share there is no hold, and a pause only where something is replaced', () => {
  const options = { steps: [{ weight: 10, pause: true }] }
  const db = { exclusive: true, before: true }
  assert.deepEqual(plan({ old: [service('db', 'a', 1, db)], next: [service('db', 'b', 1, db)], options }), [
    'prepare db',
    'pause at 10%',
    'retire db aaaaaa to 0',
    'task of db bbbbbb',
    'run 1 of db bbbbbb',
    'route db 100 % to bbbbbb',
  ])
  assert.deepEqual(plan({ next: [service('web', 'a', 1)], options }), [
    'prepare web',
    'run 1 of web aaaaaa',
    'route web 100 % to aaaaaa',
  ])
})

test('an added service is up before the first share of what depends on it', () => {
  const next = [service('web', 'b', 1, { dependsOn: ['cache'] }), service('cache', 'b', 1)]
  assert.deepEqual(plan({ old: [service('web', 'a', 1)], next, options: { steps: [50], holdSeconds: 1 } }), [
    'prepare cache, web',
    'run 1 of cache bbbbbb',
    'route cache 100 % to bbbbbb',
    'run 1 of web bbbbbb',
    'route web 50 % to bbbbbb',
    'hold 1 s',
    'route web 100 % to bbbbbb',
  ])
})

test('a service that loses its port has no share: it moves when nothing old calls it any more', () => {
  const old = [service('api', 'a', 2), service('web', 'a', 1)]
  const next = [service('api', 'b', 2, { routed: false }), service('web', 'b', 1)]
  assert.deepEqual(plan({ old, next, options: { steps: [50], holdSeconds: 1 } }), [
    'prepare api, web',
    'run 1 of web bbbbbb',
    'route web 50 % to bbbbbb',
    'hold 1 s',
    'route web 100 % to bbbbbb',
    'run 2 of api bbbbbb',
    'retire api aaaaaa to 0',
  ])
})
