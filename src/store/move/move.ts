import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { PoolClient } from 'pg'
import { SlipwayError } from '../../errors.ts'
import { newId } from '../../id.ts'
import { connectionsOf, type PostgresConnectionOptions, type Reached } from '../postgres/connections.ts'
import { postgresDialect } from '../postgres/dialect.ts'
import { postgresDriver } from '../postgres/driver.ts'
import { openFaultOf } from '../postgres/fault.ts'
import { hintsOver } from '../postgres/hints.ts'
import { look, requireFit } from '../postgres/server.ts'
import { postgresFlavour } from '../postgres.ts'
import { migrate } from '../sql/migrate.ts'
import type { Schema } from '../sql/schema.ts'
import { hold } from '../sqlite/hold.ts'
import { sqliteStore } from '../sqlite.ts'
import { checksum } from './checksum.ts'
import { type SourceTable, sourceTables } from './tables.ts'
import { digestOf, fill, occupied, quoted, raiseSequences } from './target.ts'

/** The data file of a folder, and what it is called once its data is somewhere else. */
const names = { file: 'slipway.db', moved: 'slipway.db.moved' } as const

/** What is moved, and where to. */
export interface MoveOptions {
  readonly dataDir: string
  readonly to: PostgresConnectionOptions
  /** Told as rows arrive. */
  readonly onProgress?: (table: string, rows: number, of: number) => void
}

/** What was moved. */
export interface Moved {
  readonly storeId: string
  readonly server: string
  /** Table → rows. */
  readonly tables: Readonly<Record<string, number>>
  /** It was there already: an earlier call was interrupted after the commit. */
  readonly before: boolean
  /** Where the data file is now. */
  readonly kept: string
}

/** Whether the data of a folder was moved to PostgreSQL: its file, under the name it has since. */
export function movedFile(dataDir: string): string | undefined {
  const kept = join(dataDir, names.moved)
  return existsSync(kept) && !existsSync(join(dataDir, names.file)) ? kept : undefined
}

/**
 * Moves everything from the data file of a folder that no process holds to an empty database of PostgreSQL: all or nothing, with the same
 * store id, epochs and counters, compared before it is committed. Replicas and the proxy serve on meanwhile. It may be interrupted at any
 * moment and called again. The data file stays, under another name. Throws `unavailable` when the folder is in use, `not_found` when there
 * is nothing to move, and `already_exists` when there is something else in the database.
 */
export async function moveToPostgres({ dataDir, to, onProgress }: MoveOptions): Promise<Moved> {
  const path = join(dataDir, names.file)
  if (!existsSync(path)) throw nothingThere(dataDir)
  await settleSource(path)
  const held = hold(path)
  try {
    const source = new DatabaseSync(held.path, { readOnly: true })
    try {
      const { server, before, tables } = await copy(source, to, onProgress)
      const storeId = String(source.prepare(`select value from meta where key = 'store_id'`).get()?.['value'])
      source.close()
      const kept = join(dataDir, names.moved)
      renameSync(held.path, kept)
      for (const side of ['-wal', '-shm']) rmSync(`${held.path}${side}`, { force: true })
      return { storeId, server, before, tables: Object.fromEntries(tables.map(({ name, rows }) => [name, rows])), kept }
    } finally {
      if (source.isOpen) source.close()
    }
  } finally {
    held.release()
  }
}

/** Brings it to the newest schema, and frees all leases: whoever had them is dead, as nobody holds the file. */
async function settleSource(path: string): Promise<void> {
  const store = await sqliteStore({ path })
  try {
    const mover = newId('wrk')
    await store.work.registerWorker(mover)
    await store.work.removeWorker(mover)
  } finally {
    await store.close()
  }
}

async function copy(
  source: DatabaseSync,
  to: MoveOptions['to'],
  onProgress: MoveOptions['onProgress'],
): Promise<{ server: string; before: boolean; tables: SourceTable[] }> {
  const connections = await connectionsOf({ statementMs: 600_000, ...to })
  const { pool, urgent, server, begin } = connections
  try {
    requireFit(await look(pool), server)
    await prepareTarget(connections)
    const client = await pool.connect()
    try {
      await client.query(begin)
      const result = await copyWithin(client, source, server, onProgress)
      await client.query('commit')
      return { server, ...result }
    } catch (error) {
      // Without a commit nothing stays, whether this gets through or not.
      await client.query('rollback').catch((lost: unknown) => void lost)
      throw error
    } finally {
      client.release(true)
    }
  } catch (error) {
    throw openFaultOf(error, server)
  } finally {
    await Promise.all([pool.end(), urgent.end()])
  }
}

/** Makes its tables, or brings them up to date, unless there is something in the database already. */
async function prepareTarget(connections: Reached): Promise<void> {
  const { pool, server } = connections
  const { rows } = await pool.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() order by 1',
  )
  const there = rows.map(({ name }) => name)
  if (there.length > 0) {
    if (!there.includes('kysely_migration') || !there.includes('meta')) throw notEmpty(server, there)
    if ((await pool.query('select 1 from meta')).rows.length > 0) return
  }
  const hints = hintsOver(connections.listener)
  const db = new Kysely<Schema>({ dialect: postgresDialect(postgresDriver(connections)) })
  await migrate(db, postgresFlavour(hints))
  await hints.close()
}

async function copyWithin(
  client: PoolClient,
  source: DatabaseSync,
  server: string,
  onProgress: MoveOptions['onProgress'],
): Promise<{ before: boolean; tables: SourceTable[] }> {
  const tables = sourceTables(source)
  // Nobody else begins to use it meanwhile, nor does another move.
  await client.query(`lock table ${tables.map(({ name }) => quoted(name)).join(', ')} in exclusive mode`)
  const full = await occupied(client, tables)
  const before = full.length > 0
  if (!before) {
    for (const table of tables) {
      let done = 0
      await fill(client, table, rowsOf(source, table), more => onProgress?.(table.name, (done += more), table.rows))
      await raiseSequences(client, table)
    }
  }
  for (const table of tables) {
    const sum = checksum()
    for (const row of rowsOf(source, table)) sum.add(row)
    if ((await digestOf(client, table)) === sum.value) continue
    throw before ? notEmpty(server, full) : differs(table.name)
  }
  return { before, tables }
}

function* rowsOf(source: DatabaseSync, { name, columns }: SourceTable): Generator<unknown[]> {
  const statement = source.prepare(`select ${columns.map(column => `"${column}"`).join(', ')} from "${name}"`)
  for (const row of statement.iterate()) yield columns.map(column => row[column])
}

function nothingThere(dataDir: string): SlipwayError {
  const kept = movedFile(dataDir)
  return kept === undefined
    ? new SlipwayError('not_found', `There is no ${names.file} in ${dataDir}: there is nothing to move.`, {
        next: 'Name the folder that the server was started with:  --data FOLDER',
      })
    : new SlipwayError('not_found', `The data of ${dataDir} was moved to PostgreSQL already.`, {
        next: `Start the server with its database. To go back, give ${kept} its name again: what happened since is not in it.`,
      })
}

function notEmpty(server: string, full: readonly string[]): SlipwayError {
  return new SlipwayError(
    'already_exists',
    `The database at ${server} is not empty: it has ${full.slice(0, 3).join(', ')}${full.length > 3 ? ' and more' : ''}.`,
    { next: 'Name another database, made with createdb. Nothing was changed in this one.' },
  )
}

function differs(table: string): SlipwayError {
  return new SlipwayError('internal', `What arrived in "${table}" is not what was sent: nothing was moved.`, {
    next: 'Call it again; if it stays so, report it with the versions of Slipway and PostgreSQL.',
  })
}
