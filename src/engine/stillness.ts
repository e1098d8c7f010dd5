import type { Clock } from '../clock.ts'
import type { FrozenPlan } from '../deploy/run.ts'
import type { Step } from '../deploy/step.ts'
import { policyDefaults } from '../instance/instance.ts'
import { defaultGraceMs } from '../instance/service.ts'
import { readyOf, rowKey } from './difference.ts'
import type { Keeper, View } from './keeper.ts'

/**
 * Tells for how long nothing moved, milliseconds. A replica more that is ready, or one less of those that go, is a move; one that dies
 * and is started again is none. Time in which the platform did not answer, or the disk was full or too slow, was not watched and does not count.
 */
export function stillness(clock: Clock): (view: View) => number {
  const most = new Map<string, number>()
  let least = Number.POSITIVE_INFINITY
  let since = clock.monotonic()
  const moved = (view: View): boolean => {
    const before = least
    least = Math.min(least, surplus(view))
    const risen = view.table.filter(row => readyOf(row, view) > (most.get(rowKey(row)) ?? 0))
    for (const row of risen) most.set(rowKey(row), readyOf(row, view))
    return risen.length > 0 || least < before
  }
  return view => {
    const now = clock.monotonic()
    const watched = view.observed && !view.starved && view.replicas.every(({ health }) => health !== 'unknown')
    if (moved(view) || !watched) since = now
    return now - since
  }
}

/** How many replicas are there that the table does not want. */
function surplus({ table, replicas }: View): number {
  const wanted = new Map(table.map(row => [rowKey(row), row.replicas]))
  const present = Map.groupBy(
    replicas.filter(({ replica }) => replica.state !== 'exited'),
    ({ replica }) => rowKey(replica),
  )
  return [...present].reduce((sum, [key, there]) => sum + Math.max(0, there.length - (wanted.get(key) ?? 0)), 0)
}

/** How long a step may stand still, milliseconds. Who leaves may take its time on top: its requests end first, then it does. */
export function patienceMs(
  step: Pick<Step, 'kind'> & { readonly service?: string },
  plan: FrozenPlan,
  keeper: Keeper,
): number {
  const { progressDeadlineMs, drainMs } = { ...policyDefaults, ...keeper.policies }
  if (step.kind !== 'retire') return progressDeadlineMs
  const specs = Object.values(plan.specs).flatMap(services => services.filter(({ name }) => name === step.service))
  return progressDeadlineMs + drainMs + Math.max(defaultGraceMs, ...specs.map(spec => spec.graceMs ?? 0))
}
