import type { DatabaseSync } from 'node:sqlite'
import type { Bound } from '../../../src/store/sql/codec.ts'
import type { Sent } from './record.ts'

/** What of a plan reads more of one of these tables than it has to: all of it, or all of a tenant to sort it. */
export function wideScans(database: DatabaseSync, { sql, parameters }: Sent, large: ReadonlySet<string>): string[] {
  const steps = database
    .prepare(`explain query plan ${sql}`)
    .all(...(parameters as Bound[]))
    .map(row => String(row['detail']))
  const ends = /\blimit\b/i.test(sql)
  const sorts = steps.some(step => step.startsWith('USE TEMP B-TREE FOR ORDER BY'))
  // An index of a part of a table holds what there is to look at, and nothing else.
  const parts = database.prepare(`select name from sqlite_schema where type = 'index' and sql like '% where %'`).all()
  const isPart = (step: string): boolean => parts.some(part => step.endsWith(` INDEX ${String(part['name'])}`))
  return steps.filter(step => {
    const [, table = ''] = /^(?:SCAN|SEARCH) (\w+)/.exec(step) ?? []
    if (!large.has(table)) return false
    if (step.startsWith('SCAN')) return !(ends && !sorts) && !isPart(step)
    return sorts && /\((?:tenant_id|owner)=\?\)$/.test(step)
  })
}
