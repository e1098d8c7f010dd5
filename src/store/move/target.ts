import type { PoolClient } from 'pg'
import { bindable } from '../postgres/bindable.ts'
import { checksum } from './checksum.ts'
import type { SourceTable } from './tables.ts'

/** Rows of one statement, and of one read. */
const atOnce = 500
/** Parameters of one statement at most. */
const mostParameters = 30_000

/** Adds rows to a table; tells how many each time some are there. */
export async function fill(
  client: PoolClient,
  { name, columns }: SourceTable,
  rows: Iterable<readonly unknown[]>,
  told: (more: number) => void,
): Promise<void> {
  const size = Math.min(atOnce, Math.floor(mostParameters / columns.length))
  const names = columns.map(quoted).join(', ')
  let some: (readonly unknown[])[] = []
  const flush = async (): Promise<void> => {
    if (some.length === 0) return
    const values = some.map((row, at) => `(${row.map((_, of) => `$${at * columns.length + of + 1}`).join(', ')})`)
    await client.query(`insert into ${quoted(name)} (${names}) values ${values.join(', ')}`, some.flat().map(bindable))
    told(some.length)
    some = []
  }
  for (const row of rows) {
    some.push(row)
    if (some.length === size) await flush()
  }
  await flush()
}

/** Numbers that are given from now on follow the highest that is there. */
export async function raiseSequences(client: PoolClient, { name, columns }: SourceTable): Promise<void> {
  for (const column of columns) {
    const { rows } = await client.query<{ sequence: string | null }>(
      'select pg_get_serial_sequence($1, $2) as sequence',
      [quoted(name), column],
    )
    const sequence = rows[0]?.sequence
    if (sequence === null || sequence === undefined) continue
    await client.query(`select setval($1, coalesce(max(${quoted(column)}), 0) + 1, false) from ${quoted(name)}`, [
      sequence,
    ])
  }
}

/** The checksum of what is in a table. */
export async function digestOf(client: PoolClient, { name, columns }: SourceTable): Promise<string> {
  const sum = checksum()
  await client.query(`declare moved no scroll cursor for select ${columns.map(quoted).join(', ')} from ${quoted(name)}`)
  for (;;) {
    const { rows } = await client.query<unknown[]>({ text: `fetch ${atOnce} from moved`, rowMode: 'array' })
    for (const row of rows) sum.add(row)
    if (rows.length < atOnce) break
  }
  await client.query('close moved')
  return sum.value
}

/** Tables of the target that have rows. */
export async function occupied(client: PoolClient, tables: readonly SourceTable[]): Promise<string[]> {
  const full: string[] = []
  for (const { name } of tables) {
    const { rows } = await client.query(`select 1 from ${quoted(name)} limit 1`)
    if (rows.length > 0) full.push(name)
  }
  return full
}

/** A name as PostgreSQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
