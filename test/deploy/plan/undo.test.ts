import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Table } from '../../../src/deploy/step.ts'
import { blueGreen } from '../../../src/deploy/strategies/blue-green.ts'
import { canary } from '../../../src/deploy/strategies/canary.ts'
import { recreate } from '../../../src/deploy/strategies/recreate.ts'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import type { Strategy } from '../../../src/deploy/strategy.ts'
import { undoPlan } from '../../../src/deploy/undo.ts'
import { input, names, rowOf, type Scene, service } from './scene.ts'

/** The way back from the step of this name, and the table it ends in. */
function undo(strategy: Strategy, scene: Scene, at: string): { steps: string[]; end: Table | undefined } {
  const from = input(scene)
  const begun = strategy.plan?.(from).find(step => step.name === at)
  assert.ok(begun, `no step "${at}"`)
  const steps = undoPlan({ table: begun.table, base: from.table, old: from.old, next: from.next })
  return { steps: names(steps), end: steps.at(-1)?.table }
}

const web = { old: [service('web', 'a', 3)], next: [service('web', 'b', 3)] }

test('there is nothing to undo while the table still is the base, and warm rows stay', () => {
  const warm = [rowOf(service('web', '0', 1), 0)]
  assert.deepEqual(undo(rolling, { ...web, warm }, 'prepare web').steps, [])
})

test('a canary is undone by one route step, and what was new ends after it', () => {
  assert.deepEqual(undo(canary, web, 'route web 25 % to bbbbbb').steps, [
    'route web 100 % to aaaaaa',
    'retire web bbbbbb to 0',
  ])
})

test('a rolling is undone with all old replicas up again before traffic goes back', () => {
  assert.deepEqual(undo(rolling, web, 'retire web aaaaaa to 1'), {
    steps: ['run 3 of web aaaaaa', 'route web 100 % to aaaaaa', 'retire web bbbbbb to 0'],
    end: [rowOf(service('web', 'a', 3))],
  })
})

test('what recreate had ended already is fetched again and brought up at its place', () => {
  assert.deepEqual(undo(recreate, web, 'run 3 of web bbbbbb').steps, [
    'prepare web',
    'run 3 of web aaaaaa',
    'route web 100 % to aaaaaa',
    'retire web bbbbbb to 0',
  ])
})

test('an exclusive service goes back as it came: the new one ends before the old one begins, without a task', () => {
  const db = { exclusive: true, before: true }
  const scene = { old: [service('db', 'a', 1, db)], next: [service('db', 'b', 1, db)] }
  assert.deepEqual(undo(blueGreen, scene, 'run 1 of db bbbbbb').steps, [
    'prepare db',
    'retire db bbbbbb to 0',
    'run 1 of db aaaaaa',
    'route db 100 % to aaaaaa',
  ])
})

test('warm rows of the base do not come back, and those still there end', () => {
  const scene = {
    old: [service('web', 'b', 1), service('api', 'b', 1)],
    next: [service('web', 'a', 1), service('api', 'c', 1)],
    warm: [rowOf(service('web', 'a', 1), 0), rowOf(service('api', 'a', 1), 0)],
  }
  assert.deepEqual(undo(blueGreen, scene, 'route web 100 % to aaaaaa, api 100 % to cccccc'), {
    steps: ['route web 100 % to bbbbbb, api 100 % to bbbbbb', 'retire api cccccc to 0', 'retire web aaaaaa to 0'],
    end: [rowOf(service('web', 'b', 1)), rowOf(service('api', 'b', 1))],
  })
})

test('a row that was scaled for the new release is kept by the old one again, before it shrinks', () => {
  const old = [service('web', 'a', 1)]
  const next = [service('web', 'a', 4, { release: 'rel_b' })]
  assert.deepEqual(undo(blueGreen, { old, next }, 'run 4 of web aaaaaa'), {
    steps: ['run 4 of web aaaaaa', 'retire web aaaaaa to 1'],
    end: [rowOf(service('web', 'a', 1))],
  })
})

test('services come back in the dependency order of the old release, and added ones end last', () => {
  const scene = {
    old: [service('web', 'a', 1, { dependsOn: ['api'] }), service('api', 'a', 1)],
    next: [service('web', 'b', 1, { dependsOn: ['cache'] }), service('cache', 'b', 1)],
  }
  assert.deepEqual(undo(rolling, scene, 'retire api aaaaaa to 0').steps, [
    'prepare api, web',
    'run 1 of api aaaaaa',
    'route api 100 % to aaaaaa',
    'run 1 of web aaaaaa',
    'route web 100 % to aaaaaa',
    'retire web bbbbbb to 0',
    'retire cache bbbbbb to 0',
  ])
})

test('a row that is only kept by another release goes back to the spec of the old one', () => {
  const old = [service('web', 'a', 2)]
  const next = [service('web', 'a', 2, { release: 'rel_b' })]
  const base = old.map(known => rowOf(known))
  const table = next.map(known => rowOf(known))
  assert.deepEqual(undoPlan({ table, base, old, next }).at(-1)?.table, base)
})
