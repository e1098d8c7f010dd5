import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Row, Step, Table } from '../../../src/deploy/step.ts'
import type { PlanInput } from '../../../src/deploy/strategy.ts'
import { rowOf, rowsOf, sameTable, withoutWarm } from '../../../src/deploy/table.ts'
import { undoPlan } from '../../../src/deploy/undo.ts'
import * as laws from './laws.ts'
import { revision } from './scene.ts'
import { type World, worlds } from './world.ts'

const full = process.env.SLIPWAY_TEST_FULL !== undefined
const runs = { numRuns: full ? 35_000 : 3_000, seed: 20_240_601 }

function plan({ strategy, input }: World): Step[] {
  return strategy.plan?.(input) ?? []
}

function lawsOfPlans(world: World, steps: readonly Step[]): void {
  const { strategy, input } = world
  laws.tablesChain(input.table, steps, input)
  laws.weightsAreWhole(input.table, steps, laws.mayStop(world))
  laws.preparesFirst(input.table, steps)
  laws.dependenciesComeFirst(input.table, steps, input)
  laws.holdsWatchSomething(input.table, steps, world)
  laws.endsAtRelease(steps.at(-1)?.table ?? input.table, world)
  if (strategy.name !== 'recreate')
    laws.capacityHolds(input.table, steps, input, Number(input.options.maxUnavailable ?? 0))
  if (strategy.name !== 'recreate') laws.callersGoFirst(input.table, steps, world)
  if (strategy.name === 'rolling') laws.neverEmptied(steps, world)
}

/** §8.6, from the table of a step that was begun; gives back the steps. */
function lawsOfUndo({ input }: World, table: Table): Step[] {
  const { old, next } = input
  const steps = undoPlan({ table, base: input.table, old, next })
  if (sameTable(table, input.table)) {
    assert.deepEqual(steps, [])
    return steps
  }
  laws.tablesChain(table, steps, input)
  assert.ok(steps.every(step => step.kind !== 'task' && step.kind !== 'hold' && step.kind !== 'pause'))
  const base = withoutWarm(input.table, old)
  const end = steps.at(-1)?.table ?? table
  assert.equal(end.length, base.length)
  for (const row of base) assert.deepEqual(rowOf(end, row.service, row.revision), row)
  return steps
}

/** §8.2 and §8.4 on the way back. */
function servesWhileUndone(table: Table, steps: readonly Step[], { old, next }: PlanInput): void {
  const sides = { old: next, next: old }
  laws.capacityHolds(table, steps, sides)
  laws.dependenciesComeFirst(table, steps, sides)
  const keeps = new Set(old.filter(service => service.routed).map(service => service.name))
  for (const service of [...old, ...next]) if (service.exclusive) keeps.delete(service.name)
  laws.weightsAreWhole(table, steps, service => !keeps.has(service))
}

test(`what holds of every plan holds of ${runs.numRuns} random ones, and of the undo from each of their positions`, () => {
  fc.assert(
    fc.property(worlds, world => {
      const steps = plan(world)
      lawsOfPlans(world, steps)
      laws.warmRightly(steps.at(-1)?.table ?? world.input.table, world)
      laws.tasksComeOnce(steps, world)
      laws.removedGoLast(world.input.table, steps, world)
      if (world.strategy.name === 'rolling') laws.surgeHolds(world.input.table, steps, world)
      for (const { table } of steps) servesWhileUndone(table, lawsOfUndo(world, table), world.input)
    }),
    runs,
  )
})

/** What is left of a table when only rows that have work are kept. */
function serves({ old, next }: PlanInput): (row: Row) => boolean {
  const works = new Set(
    [...old, ...next].filter(service => !service.routed).map(({ name, revision }) => `${name} ${revision}`),
  )
  return row => row.weight > 0 || works.has(`${row.service} ${row.revision}`)
}

test('a plan made where an undo failed half way reaches its release all the same, and can be undone to exactly there', () => {
  fc.assert(
    fc.property(worlds, worlds, fc.nat(), (first, second, at) => {
      const steps = plan(first)
      const table = (steps[at % Math.max(1, steps.length)]?.table ?? first.input.table).filter(serves(first.input))
      // What served before is still what is active. Next comes the same release again, a way back to the active one, or a third.
      // (No way leads back to two revisions of a service that is exclusive by then.)
      const third = second.input.next.map(service => ({
        ...service,
        revision: revision('d'),
        release: 'rel_4',
        exclusive: service.exclusive && rowsOf(table, service.name).length < 2,
      }))
      const next = [first.input.next, first.input.old, third][at % 3] ?? third
      const input = { ...second.input, table, old: first.input.old, next }
      const world = { strategy: second.strategy, input }
      const after = plan(world)
      laws.tablesChain(table, after, input)
      laws.weightsAreWhole(table, after, laws.mayStop(world))
      laws.preparesFirst(table, after)
      laws.endsAtRelease(after.at(-1)?.table ?? table, world)
      for (const step of after) lawsOfUndo(world, step.table)
    }),
    { ...runs, numRuns: runs.numRuns / 4 },
  )
})
