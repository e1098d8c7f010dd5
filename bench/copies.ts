import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { Step } from '../src/deploy/step.ts'
import { stepDigest } from '../src/engine/progress.ts'
import { type IdKind, newId } from '../src/id.ts'
import type { RouteTable } from '../src/index.ts'
import type { FakeProxy, FakeWorld } from '../src/provider/fake/index.ts'

type Row = Record<string, SQLInputValue>

/** Where the rows of an instance are, by the column that names it or its deployment; parents before children. */
const tables = [
  ['instances', 'id'],
  ['releases', 'instance_id'],
  ['deployments', 'instance_id'],
  ['runs', 'deployment_id'],
  ['steps', 'deployment_id'],
  ['signals', 'instance_id'],
  ['ports', 'instance_id'],
  ['events', 'instance_id'],
  ['counters', 'scope'],
] as const
type TableName = (typeof tables)[number][0]

/** Their row number is given by the database. */
const numbered: ReadonlySet<TableName> = new Set(['instances', 'deployments', 'events'])

/** Another instance like the first. */
export interface Copy {
  readonly id: string
  readonly name: string
}

/**
 * Makes so many more of an instance as it stands in the database of a control plane that is closed: its row, its deployments, their plans
 * and steps, its releases and events, each with ids of their own. Thousands this way take seconds, where bringing them there takes minutes.
 */
export function copyRows(file: string, instanceId: string, count: number): Copy[] {
  const database = new DatabaseSync(file)
  try {
    const found = tables.map(([table, column]) => ({ table, rows: rowsOf(database, table, column, instanceId) }))
    const kinds = new Map(found.flatMap(({ rows }) => rows.flatMap(idsIn)))
    const inserts = found.map(({ table, rows }) => inserting(database, table, rows))
    let port = Number(database.prepare('select max(port) as port from ports').get()?.['port'] ?? 0)
    const copies: Copy[] = []
    database.exec('begin immediate')
    for (let copy = 0; copy < count; copy++) {
      const fresh = new Map([...kinds].map(([id, kind]) => [id, newId(kind)]))
      for (const [index, { table, rows }] of found.entries()) {
        for (const row of rows) {
          const other = renamed(row, fresh)
          if (table === 'instances') other['name'] = `copy-${copy}`
          if (table === 'ports') other['port'] = ++port
          if (table === 'steps') other['digest'] = stepDigest(JSON.parse(other['step'] as string) as Step)
          inserts[index]?.(other)
        }
      }
      copies.push({ id: fresh.get(instanceId) ?? '', name: `copy-${copy}` })
    }
    database.exec('commit')
    return copies
  } finally {
    database.close()
  }
}

/** Leaves a closed database as a control plane does that is killed: each instance in the hands of a worker that said no goodbye. How many are. */
export function leaveHeld(file: string): number {
  const database = new DatabaseSync(file)
  try {
    database.prepare('insert into workers (id, beat_at) values (?, ?)').run('killed', Date.now())
    const held = database.prepare("update instances set owner = 'killed', epoch = epoch + 1, wake_at = null").run()
    return Number(held.changes)
  } finally {
    database.close()
  }
}

function rowsOf(database: DatabaseSync, table: string, column: string, instanceId: string): Row[] {
  const where =
    column === 'deployment_id' ? 'deployment_id in (select id from deployments where instance_id = ?)' : `${column} = ?`
  return database.prepare(`select * from ${table} where ${where}`).all(instanceId)
}

/** Every id that stands in a row, alone or within JSON, with its kind. */
function idsIn(row: Row): [string, IdKind][] {
  const texts = Object.values(row).filter(value => typeof value === 'string')
  return texts.flatMap(text =>
    [...text.matchAll(idPattern)].map(([id, kind]): [string, IdKind] => [id, kind as IdKind]),
  )
}

const idPattern = /\b(inst|dep|rel|evt|sig)_[0-9a-z]{26}\b/gu

function renamed(row: Row, fresh: ReadonlyMap<string, string>): Row {
  const rename = (value: SQLInputValue): SQLInputValue =>
    typeof value === 'string' ? value.replaceAll(idPattern, id => fresh.get(id) ?? id) : value
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, rename(value)]))
}

function inserting(database: DatabaseSync, table: TableName, [like]: readonly Row[]): (row: Row) => void {
  if (!like) return () => {}
  const columns = Object.keys(like).filter(column => column !== 'seq' || !numbered.has(table))
  const places = columns.map(() => '?').join(', ')
  const insert = database.prepare(`insert into ${table} (${columns.join(', ')}) values (${places})`)
  return row => void insert.run(...columns.map(column => row[column] ?? null))
}

/** Gives the copies of an instance the same replicas and routes on the fake platform and router. */
export function copyWorld(world: FakeWorld, proxy: FakeProxy, of: Copy, copies: readonly Copy[]): void {
  const replicas = world.replicas(of.id).map(replica => ({ replica, spec: world.specOf(of.id, replica.name) }))
  const table = proxy.tables.get(of.id)
  const highest = proxy.highest.get(of.id)
  for (const copy of copies) {
    const ids = new Map([[of.id, copy.id]])
    for (const { replica, spec } of replicas) {
      const { storeId, epoch, ordinal } = replica
      ids.set(replica.id, world.plant({ spec: { ...spec, instanceId: copy.id }, ordinal, storeId, epoch }).id)
    }
    if (!table || !highest) continue
    const text = JSON.stringify(table)
      .replaceAll(/"(fake-\d+|inst_[0-9a-z]{26})"/gu, (_, id: string) => `"${ids.get(id) ?? id}"`)
      .replaceAll(`${of.name}.`, `${copy.name}.`)
    proxy.tables.set(copy.id, JSON.parse(text) as RouteTable)
    proxy.highest.set(copy.id, highest)
  }
}
