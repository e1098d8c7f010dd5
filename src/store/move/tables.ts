import type { DatabaseSync } from 'node:sqlite'

/** A table of the data file. */
export interface SourceTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: number
}

/** Tables that are not moved: what the migrations keep of themselves, and workers, which are all dead. */
const left = /^(?:sqlite_|kysely_|workers$)/

/** All tables with data, those first that others refer to. */
export function sourceTables(source: DatabaseSync): SourceTable[] {
  const names = source
    .prepare(`select name from sqlite_schema where type = 'table' order by name`)
    .all()
    .map(row => String(row['name']))
    .filter(name => !left.test(name))
  const sorted: string[] = []
  const place = (name: string): void => {
    if (sorted.includes(name)) return
    const parents = source.prepare('select "table" as parent from pragma_foreign_key_list(?)').all(name)
    for (const { parent } of parents) if (parent !== name) place(String(parent))
    sorted.push(name)
  }
  for (const name of names) place(name)
  return sorted.map(name => {
    const columns = source.prepare('select name from pragma_table_info(?)').all(name)
    const counted = source.prepare(`select count(*) as counted from "${name}"`).get()
    return { name, columns: columns.map(row => String(row['name'])), rows: Number(counted?.['counted']) }
  })
}
