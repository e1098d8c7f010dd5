import assert from 'node:assert/strict'
import { digestOf } from '../../../src/deploy/revision.ts'
import type { Row, Step, Table } from '../../../src/deploy/step.ts'
import { capacityOf } from '../../../src/deploy/strategies/downtime.ts'
import type { PlanInput, PlannedService } from '../../../src/deploy/strategy.ts'
import { checkStep, next, replicasOf, rowOf, rowsOf, sameTable, settle } from '../../../src/deploy/table.ts'
import type { World } from './world.ts'

/** Each step before it is begun, with the table it starts from. */
function* walk(base: Table, steps: readonly Step[]): Generator<{ before: Table; step: Step }> {
  let before = base
  for (const step of steps) {
    yield { before, step }
    before = step.table
  }
}

function find(services: readonly PlannedService[], name: string): PlannedService | undefined {
  return services.find(service => service.name === name)
}

function exclusives({ old, next }: Pick<PlanInput, 'old' | 'next'>): Set<string> {
  return new Set([...old, ...next].filter(service => service.exclusive).map(service => service.name))
}

/** §8.9: tables follow from each other, run never lowers, retire never raises, exclusive services never meet, nothing is idle. */
export function tablesChain(base: Table, steps: readonly Step[], sides: Pick<PlanInput, 'old' | 'next'>): void {
  for (const { before, step } of walk(base, steps)) {
    checkStep(before, step, exclusives(sides))
    assert.deepEqual(step.table, next(before, step))
    for (const row of before) {
      const after = rowOf(step.table, row.service, row.revision)?.replicas ?? 0
      if (step.kind === 'run') assert.ok(after >= row.replicas, `${step.name} lowers`)
      else assert.ok(after <= row.replicas, `${step.name} raises`)
    }
    if (step.kind === 'run' || step.kind === 'route' || step.kind === 'retire') {
      assert.ok(!sameTable(before, step.table), `${step.name} changes nothing`)
    }
  }
}

/** §8.2: ready capacity with traffic never below what it was, or what is wanted if that is less. */
export function capacityHolds(
  base: Table,
  steps: readonly Step[],
  sides: Pick<PlanInput, 'old' | 'next'>,
  unavailable = 0,
): void {
  const apart = exclusives(sides)
  for (const { name, replicas } of sides.next.filter(
    service => find(sides.old, service.name) && !apart.has(service.name),
  )) {
    const start = capacityOf(name, base, sides)
    const floor = Math.max(0, Math.min(start, replicas) - unavailable)
    for (const { step } of walk(base, steps)) {
      const now = capacityOf(name, step.table, sides)
      assert.ok(now >= floor, `${step.name} leaves ${now} of ${name} where ${floor} are needed`)
    }
  }
}

/** §8.4: weights sum to 100, or to 0 where nothing has to serve. `stops` says of which services that is. */
export function weightsAreWhole(base: Table, steps: readonly Step[], stops: (service: string) => boolean): void {
  const routed = new Set(base.filter(row => row.weight > 0).map(row => row.service))
  for (const { step } of walk(base, steps)) {
    for (const service of routed) {
      const sum = rowsOf(step.table, service).reduce((total, row) => total + row.weight, 0)
      assert.ok(sum === 100 || (sum === 0 && stops(service)), `${step.name}: ${service} sums to ${sum}`)
    }
  }
}

/** Whether a service may be without traffic for a moment or for good. */
export function mayStop({ strategy, input }: World): (service: string) => boolean {
  return name => {
    const next = find(input.next, name)
    if (!next?.routed || exclusives(input).has(name) || strategy.name === 'recreate') return true
    return strategy.name === 'rolling' && hasNoRoom(input, name)
  }
}

/** One replica, and no second one allowed beside it. */
function hasNoRoom({ options, old, next }: PlanInput, name: string): boolean {
  return options.maxSurge === 0 && Math.max(find(old, name)?.replicas ?? 0, find(next, name)?.replicas ?? 0) <= 1
}

/** A rolling that has room for two always has one ready, whatever maxUnavailable allows. */
export function neverEmptied(steps: readonly Step[], { input }: World): void {
  for (const { name } of input.next.filter(service => find(input.old, service.name))) {
    if (exclusives(input).has(name) || hasNoRoom(input, name)) continue
    for (const step of steps) assert.ok(capacityOf(name, step.table, input) > 0, `${step.name} empties ${name}`)
  }
}

/** §8.9: nothing is run or tasked before what it depends on is up: its replicas, and its port when it has one. */
export function dependenciesComeFirst(
  base: Table,
  steps: readonly Step[],
  sides: Pick<PlanInput, 'old' | 'next'>,
): void {
  for (const { before, step } of walk(base, steps)) {
    if (step.kind !== 'run' && step.kind !== 'task') continue
    for (const name of find(sides.next, step.service)?.dependsOn ?? []) {
      assert.ok(capacityOf(name, before, sides) > 0, `${step.name} comes before ${name} is up`)
      const routed = find(sides.next, name)?.routed === true
      if (routed)
        assert.ok(
          rowsOf(before, name).some(row => row.weight > 0),
          `${step.name} comes before ${name} has traffic`,
        )
    }
  }
}

/** A port that goes for good is open until what called it has moved, unless that stays as it is. */
export function callersGoFirst(base: Table, steps: readonly Step[], { input }: World): void {
  const { old, next } = input
  const apart = exclusives(input)
  const closing = old.filter(({ name, routed }) => routed && !apart.has(name) && find(next, name)?.routed !== true)
  for (const { before, step } of walk(base, steps)) {
    const closed = closing.find(
      ({ name, revision }) => step.kind === 'retire' && step.service === name && step.revision === revision,
    )
    if (step.kind !== 'retire' || step.replicas > 0 || !closed) continue
    for (const { name, revision, routed } of old.filter(service => service.dependsOn.includes(closed.name))) {
      const stays = find(next, name)?.revision === revision
      const row = rowOf(before, name, revision)
      assert.ok(stays || !row || (routed && row.weight === 0), `${step.name} comes before ${name} has moved`)
    }
  }
}

/** Tasks run once, only where content changes in a deploy, before the revision they belong to. */
export function tasksComeOnce(steps: readonly Step[], { input }: World): void {
  for (const service of input.next) {
    const old = find(input.old, service.name)
    const at = steps.flatMap((step, index) => (step.kind === 'task' && step.service === service.name ? [index] : []))
    const wanted =
      service.before && input.mode === 'deploy' && (!old || digestOf(old.revision) !== digestOf(service.revision))
    assert.equal(at.length, wanted ? 1 : 0, `tasks of ${service.name}`)
    const first = steps.findIndex(
      step => step.kind === 'run' && step.service === service.name && step.revision === service.revision,
    )
    if (at[0] !== undefined && first >= 0) assert.ok(at[0] < first, `the task of ${service.name} comes too late`)
  }
}

/** Fetching comes first and leaves nothing to fetch later. */
export function preparesFirst(base: Table, steps: readonly Step[]): void {
  const prepared = steps.flatMap((step, index) => {
    if (step.kind !== 'prepare') return []
    assert.equal(index, 0)
    return step.revisions
  })
  for (const step of steps) {
    if (step.kind !== 'run' || rowOf(base, step.service, step.revision)) continue
    assert.ok(
      prepared.some(({ service, revision }) => service === step.service && revision === step.revision),
      `${step.name} unprepared`,
    )
  }
}

/** Removed services end last, after everything has moved but what loses its port. */
export function removedGoLast(base: Table, steps: readonly Step[], { input }: World): void {
  const opening = steps.findIndex(
    step => step.kind !== 'prepare' && !(step.kind === 'retire' && isSpare(input, step.service, step.revision)),
  )
  const isEnd = (step: Step): boolean => step.kind === 'retire' && !find(input.next, step.service)
  const first = steps.findIndex((step, index) => index >= opening && isEnd(step))
  const losing = new Set(
    input.old.filter(({ name, routed }) => routed && find(input.next, name)?.routed === false).map(({ name }) => name),
  )
  for (const { step } of first < 0 ? [] : walk(base, steps.slice(first))) {
    const moves = isEnd(step) || ('service' in step && losing.has(step.service))
    assert.ok(moves, `${step.name} comes after a removed service ended`)
  }
}

function isSpare({ table }: PlanInput, service: string, revision: string): boolean {
  return rowOf(table, service, revision)?.keepUntil !== undefined
}

/** The end is the release, all traffic on it; planned again, there is nothing to do. */
export function endsAtRelease(end: Table, { strategy, input }: World): void {
  for (const service of input.next) {
    const row = rowOf(end, service.name, service.revision)
    assert.equal(row?.replicas, service.replicas)
    assert.equal(row.weight, service.routed ? 100 : 0)
  }
  assert.ok(end.every(row => row.weight === 0 || find(input.next, row.service)?.revision === row.revision))
  const settled = settle(end, input.next, { keepUntil: '2031-01-01T00:00:00.000Z' })
  for (const table of [end, settled]) assert.deepEqual(strategy.plan?.({ ...input, table, old: input.next }), [])
}

/** What stays warm is the release before, where it may, and for a time; nothing else does. */
export function warmRightly(end: Table, { strategy, input }: World): void {
  const extra = end.filter(row => find(input.next, row.service)?.revision !== row.revision)
  assert.ok(
    extra.every(row => staysWarmRightly(row, { strategy, input })),
    JSON.stringify(extra),
  )
  assert.ok(new Set(extra.map(row => row.release)).size <= 1, 'more than one release is warm')
  const lasting = settle(end, input.next, { keepUntil: '2031-01-01T00:00:00.000Z' }).filter(
    row => row.keepUntil === undefined,
  )
  assert.equal(lasting.length, end.length - extra.length)
}

function staysWarmRightly(row: Row, { strategy, input }: World): boolean {
  const old = find(input.old, row.service)
  const next = find(input.next, row.service)
  if (old?.routed !== true || next?.routed !== true || exclusives(input).has(row.service)) return false
  // A plan that brings no other content leaves what is warm alone.
  if (rowOf(input.table, row.service, row.revision)?.keepUntil !== undefined) return !bringsContent(input)
  const keeps = strategy.name === 'blue-green' || strategy.name === 'canary'
  return keeps && Number(input.options.keepWarmSeconds) > 0 && row.revision === old.revision
}

function bringsContent({ old, next }: PlanInput): boolean {
  return old.length !== next.length || next.some(service => find(old, service.name)?.revision !== service.revision)
}

/** Replicas of a rolling service never exceed the larger count by more than the surge. */
export function surgeHolds(base: Table, steps: readonly Step[], { input }: World): void {
  for (const service of input.next) {
    const old = find(input.old, service.name)
    if (!old || rowsOf(base, service.name).length > 1) continue
    const cap = Math.max(old.replicas, service.replicas) + Number(input.options.maxSurge)
    for (const step of steps)
      assert.ok(replicasOf(rowsOf(step.table, service.name)) <= cap, `${step.name} is over ${cap}`)
  }
}

/** A hold has something to watch: two revisions that both have work. */
export function holdsWatchSomething(base: Table, steps: readonly Step[], { input }: World): void {
  for (const { before, step } of walk(base, steps)) {
    if (step.kind !== 'hold') continue
    const watched = input.next.some(({ name, routed }) => {
      return rowsOf(before, name).filter(row => (routed ? row.weight > 0 : true)).length > 1
    })
    assert.ok(watched, 'a hold with nothing at a partial share')
  }
}
