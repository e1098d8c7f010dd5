import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { SlipwayError } from '../../errors.ts'
import type { Bound } from '../sql/codec.ts'
import { faultOf } from './fault.ts'
import { mutex } from './mutex.ts'

/** How many prepared statements are kept; more than the store has, fewer than a leak would make. */
const keptStatements = 500

/** How long a call waits for a transaction to end before it is taken for a deadlock, milliseconds. */
const turnTimeoutMs = 30_000

/**
 * How long calls follow each other before timers and sockets have their turn, milliseconds. Nothing here ever waits for the system, so
 * a long row of calls would keep the whole process busy: heartbeats would be late, and requests unanswered.
 */
const breathMs = 5

/**
 * A driver of one connection, handed to one caller at a time in the order of asking. Transactions begin with the write lock
 * (BEGIN IMMEDIATE), so none fails half-way because another one wrote first. `destroy` waits for its turn too: what is under way ends
 * first, and calls after it are refused with `closed`.
 */
export function sqliteDriver(open: () => DatabaseSync, waitMs: number = turnTimeoutMs): Driver {
  const turns = mutex(waitMs)
  let database: DatabaseSync | undefined
  let connection: SqliteConnection | undefined
  let closed = false
  let breathedAt = performance.now()

  async function breathe(): Promise<void> {
    if (performance.now() - breathedAt < breathMs) return
    await new Promise(resolve => setImmediate(resolve))
    breathedAt = performance.now()
  }

  return {
    async init() {
      database = open()
      connection = connectionTo(database)
    },
    async acquireConnection() {
      await turns.acquire()
      await breathe()
      if (connection) return connection
      turns.release()
      throw new SlipwayError('closed', 'The store was closed before this call had its turn.')
    },
    async beginTransaction() {
      connection?.control('begin immediate')
    },
    async commitTransaction() {
      connection?.control('commit')
    },
    async rollbackTransaction() {
      // A statement that met a full disk may have ended the transaction already: nothing is left to roll back then.
      if (database?.isTransaction) connection?.control('rollback')
    },
    async releaseConnection() {
      turns.release()
    },
    async destroy() {
      if (closed) return
      closed = true
      await turns.acquire()
      connection = undefined
      database?.close()
      turns.release()
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
      const bound = parameters as readonly Bound[]
      try {
        const { statement, returnsRows } = prepared(sql)
        if (returnsRows) return { rows: statement.all(...bound) as R[] }
        const { changes } = statement.run(...bound)
        return { rows: [], numAffectedRows: BigInt(changes) }
      } catch (error) {
        throw faultOf(error)
      }
    },
    // oxlint-disable-next-line require-yield
    async *streamQuery() {
      throw new Error('the store pages its reads; streaming is not supported')
    },
    control(sql) {
      try {
        prepared(sql).statement.run()
      } catch (error) {
        throw faultOf(error)
      }
    },
  }
}
