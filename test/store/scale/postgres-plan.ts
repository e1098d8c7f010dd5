import type { Client } from 'pg'
import type { Sent } from './record.ts'

/** One node of a plan that PostgreSQL tells as JSON, with what it came to when it was performed. */
interface Node {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly Node[]
}

/** What a scan of a table came to. */
export interface Scan {
  readonly table: string
  readonly by: string
  /** Rows that were looked at, and kept or not. */
  readonly rows: number
}

/** Performs a statement, takes back what it changed, and tells how its rows were found. */
export async function scansOf(client: Client, { sql, parameters }: Sent): Promise<Scan[]> {
  await client.query('begin')
  try {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `explain (analyze, timing off, format json) ${sql}`,
      [...parameters],
    )
    const [told] = rows
    if (!told) throw new Error('PostgreSQL told no plan')
    return scans(told['QUERY PLAN'][0].Plan, '')
  } finally {
    await client.query('rollback')
  }
}

function scans(node: Node, below: string): Scan[] {
  const table = node['Relation Name'] ?? below
  const by = node['Index Name'] ?? node['Node Type']
  const looked =
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  const own =
    node['Node Type'].includes('Scan') && table !== '' ? [{ table, by, rows: looked * node['Actual Loops'] }] : []
  return [...own, ...(node.Plans ?? []).flatMap(plan => scans(plan, table))]
}
