import { sameContent } from './revision.ts'
import type { Step, Table } from './step.ts'
import { rowsOf } from './table.ts'

/** The services that a step moves. */
export function touched(before: Table, step: Step): Set<string> {
  if (step.kind === 'task') return new Set([step.service])
  if (step.kind === 'prepare') return new Set(step.revisions.map(revision => revision.service))
  const services = new Set([...before, ...step.table].map(row => row.service))
  return new Set([...services].filter(service => !sameContent(rowsOf(before, service), rowsOf(step.table, service))))
}
