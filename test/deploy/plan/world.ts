import * as fc from 'fast-check'
import type { Row } from '../../../src/deploy/step.ts'
import { blueGreen } from '../../../src/deploy/strategies/blue-green.ts'
import { canary } from '../../../src/deploy/strategies/canary.ts'
import { recreate } from '../../../src/deploy/strategies/recreate.ts'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import type { PlanInput, PlannedService, Strategy } from '../../../src/deploy/strategy.ts'
import { revision, rowOf } from './scene.ts'

/** One random instance, release and strategy. */
export interface World {
  readonly strategy: Strategy
  readonly input: PlanInput
}

const count = fc.integer({ min: 1, max: 6 })

/** One side of a service: how it is before, or should be after. */
const side = fc.record({
  replicas: count,
  routed: fc.boolean(),
  exclusive: fc.boolean().chain(exclusive => fc.boolean().map(again => exclusive && again)),
  before: fc.boolean(),
  dependsOn: fc.array(fc.nat(4), { maxLength: 2 }),
})

const service = fc.record({
  old: side,
  next: side,
  fate: fc.constantFrom('kept', 'scaled', 'changed', 'changed', 'changed', 'added', 'removed'),
  warm: fc.constantFrom('none', 'none', 'other', 'taken over'),
  warmReplicas: count,
})

type Side = typeof side extends fc.Arbitrary<infer T> ? T : never
type Drawn = typeof service extends fc.Arbitrary<infer T> ? T : never

/** Options of each strategy, as a user gives them. */
const strategies = fc.oneof(
  fc
    .record({ maxSurge: fc.nat(3), maxUnavailable: fc.nat(3) })
    .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0)
    .map(options => ({ strategy: rolling, options })),
  fc
    .record({ keepWarmSeconds: fc.constantFrom(0, 300), preview: fc.boolean() })
    .map(options => ({ strategy: blueGreen, options })),
  fc
    .record({
      keepWarmSeconds: fc.constantFrom(0, 300),
      holdSeconds: fc.constantFrom(0, 30),
      steps: fc
        .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 4 })
        .chain(weights =>
          fc.tuple(
            ...weights
              .toSorted((a, b) => a - b)
              .map(weight => fc.record({ weight: fc.constant(weight), pause: fc.boolean() })),
          ),
        ),
    })
    .map(options => ({ strategy: canary, options })),
  fc.constant({ strategy: recreate, options: {} }),
)

/** Random instances of one to five services, with a release to reach and a strategy to reach it by. */
export const worlds: fc.Arbitrary<World> = fc
  .record({
    drawn: fc.array(service, { minLength: 1, maxLength: 5 }),
    reversed: fc.boolean(),
    mode: fc.constantFrom('deploy' as const, 'deploy' as const, 'rollback' as const),
    chosen: strategies,
  })
  .map(({ drawn, reversed, mode, chosen }) => {
    const old = services(drawn, 'old')
    const next = services(drawn, 'next')
    const table = [
      ...old.map(service => rowOf(service)),
      ...drawn.flatMap((draw, index) => warmRow(draw, index, old, next)),
    ]
    const given = chosen.strategy.options?.(chosen.options) ?? {}
    return {
      strategy: chosen.strategy,
      input: { table, old, next: reversed ? next.toReversed() : next, options: given, mode },
    }
  })

function services(drawn: readonly Drawn[], which: 'old' | 'next'): PlannedService[] {
  const absent = which === 'old' ? 'added' : 'removed'
  const present = drawn.flatMap(({ fate }, index) => (fate === absent ? [] : [index]))
  return present.map(index => {
    const draw = drawn[index] as Drawn
    const same = draw.fate === 'kept' || draw.fate === 'scaled'
    const from: Side = which === 'old' || same ? draw.old : draw.next
    return {
      name: `s${index}`,
      revision: revision(which === 'old' || same ? 'a' : 'b'),
      replicas: which === 'next' && draw.fate === 'scaled' ? draw.next.replicas : from.replicas,
      routed: from.routed,
      exclusive: from.exclusive,
      before: from.before,
      // Only services before it in the list, so that no circle can be drawn; the list itself may be reversed.
      dependsOn: [...new Set(from.dependsOn)]
        .filter(other => other < index && present.includes(other))
        .map(other => `s${other}`),
      release: which === 'old' ? 'rel_2' : 'rel_3',
    }
  })
}

function warmRow(draw: Drawn, index: number, olds: readonly PlannedService[], nexts: readonly PlannedService[]): Row[] {
  const old = olds.find(service => service.name === `s${index}`)
  const next = nexts.find(service => service.name === `s${index}`)
  if (draw.warm === 'none' || !old?.routed || old.exclusive) return []
  const takenOver =
    draw.warm === 'taken over' && next?.routed === true && !next.exclusive && next.revision !== old.revision
  const warm = { name: old.name, revision: takenOver ? next.revision : revision('c') }
  return [
    {
      ...rowOf({ ...old, ...warm, replicas: draw.warmReplicas, release: 'rel_1' }, 0),
      keepUntil: '2030-01-01T00:00:00.000Z',
    },
  ]
}
