import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from 'kysely'
import type { Bound } from '../sql/codec.ts'
import { mutex } from './mutex.ts'

/** How many prepared statements are kept; more than the store has, fewer than a leak would make. */
const keptStatements = 500

/** How long a call waits for a transaction to end before it is taken for a deadlock, milliseconds. */
export const turnTimeoutMs = 30_000

/**
 * A driver of one connection, handed to one caller at a time in the order of asking. Transactions begin with the write lock
 * (BEGIN IMMEDIATE), so none fails half-way because another one wrote first.
 */
export function sqliteDriver(open: () => DatabaseSync, waitMs: number = turnTimeoutMs): Driver {
  const turns = mutex(waitMs)
  let database: DatabaseSync | undefined
  let connection: SqliteConnection | undefined
  return {
    async init() {
      database = open()
      connection = connectionTo(database)
    },
    async acquireConnection() {
      await turns.acquire()
      if (!connection) throw new Error('the database is closed')
      return connection
    },
    async beginTransaction() {
      connection?.control('begin immediate')
    },
    async commitTransaction() {
      connection?.control('commit')
    },
    async rollbackTransaction() {
      // A failed statement may have ended the transaction already (disk full, I/O error): nothing is left to roll back then.
      if (database?.isTransaction) connection?.control('rollback')
    },
    async releaseConnection() {
      turns.release()
    },
    async destroy() {
      connection = undefined
      database?.close()
      database = undefined
    },
  }
}

interface SqliteConnection extends DatabaseConnection {
  control(sql: string): void
}

function connectionTo(database: DatabaseSync): SqliteConnection {
  const statements = new Map<string, { readonly statement: StatementSync; readonly returnsRows: boolean }>()

  function prepared(sql: string) {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const entry = { statement, returnsRows: statement.columns().length > 0 }
    if (statements.size >= keptStatements) {
      const oldest = statements.keys().next()
      if (!oldest.done) statements.delete(oldest.value)
    }
    statements.set(sql, entry)
    return entry
  }

  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { statement, returnsRows } = prepared(sql)
      const bound = parameters as readonly Bound[]
      if (returnsRows) return { rows: statement.all(...bound) as R[] }
      const { changes } = statement.run(...bound)
      return { rows: [], numAffectedRows: BigInt(changes) }
    },
    // oxlint-disable-next-line require-yield
    async *streamQuery() {
      throw new Error('the store pages its reads; streaming is not supported')
    },
    control(sql) {
      prepared(sql).statement.run()
    },
  }
}
