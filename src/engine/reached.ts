import { shortRevision } from '../deploy/revision.ts'
import type { FrozenPlan } from '../deploy/run.ts'
import type { Row, Table } from '../deploy/step.ts'
import { SlipwayError } from '../errors.ts'

/**
 * A strategy that returns has done its work: all traffic is on the new release, and nothing else runs but what is kept warm.
 *
 * @throws SlipwayError `strategy_failed`
 */
export function checkReached(plan: FrozenPlan, table: Table): void {
  for (const service of plan.next) {
    const row = table.find(candidate => candidate.service === service.name && candidate.revision === service.revision)
    if (row && row.replicas === service.replicas && row.weight === (service.routed ? 100 : 0)) continue
    throw new SlipwayError(
      'strategy_failed',
      `The strategy ended before service "${service.name}" was on the new release.`,
      { next: 'Let it run all replicas of every service and give them all traffic.' },
    )
  }
  const left = table.find(row => !isReached(row, plan) && !mayStay(row, plan))
  if (!left) return
  throw new SlipwayError(
    'strategy_failed',
    `The strategy left ${left.replicas} of ${left.service} ${shortRevision(left.revision)} running.`,
    { next: 'Let it retire what the release does not need.' },
  )
}

function isReached(row: Row, { next }: FrozenPlan): boolean {
  return next.some(service => service.name === row.service && service.revision === row.revision)
}

/** A warm row stays until its time has come, and what was replaced becomes one where that was asked for. */
function mayStay(row: Row, { next, keepWarmMs }: FrozenPlan): boolean {
  if (row.weight > 0 || !next.some(service => service.name === row.service && service.routed)) return false
  return row.keepUntil !== undefined || keepWarmMs > 0
}
