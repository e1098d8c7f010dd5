import type { Revision, Step, Table } from '../step.ts'
import type { PlanInput } from '../strategy.ts'
import { rowsOf } from '../table.ts'

/**
 * The services that have a moment in which none of their replicas can take work, though some do before and after: those a plan
 * replaces by recreate, exclusive ones, and one that rolls without room for a second replica. For the dry run.
 */
export function downtime(steps: readonly Step[], input: PlanInput): string[] {
  return input.next
    .map(service => service.name)
    .filter(
      name => capacityOf(name, input.table, input) > 0 && steps.some(step => capacityOf(name, step.table, input) === 0),
    )
}

/** How many replicas of a service a table has where work comes to them: with traffic, or not routed at all. */
export function capacityOf(service: string, table: Table, { old, next }: Pick<PlanInput, 'old' | 'next'>): number {
  const unrouted = new Set<Revision>()
  for (const { name, revision, routed } of [...old, ...next]) if (name === service && !routed) unrouted.add(revision)
  return rowsOf(table, service).reduce(
    (sum, row) => sum + (row.weight > 0 || unrouted.has(row.revision) ? row.replicas : 0),
    0,
  )
}
