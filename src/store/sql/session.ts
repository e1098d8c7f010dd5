import type { ColumnBuilderCallback, ColumnDataType, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Clock } from '../../clock.ts'
import type { Schema } from './schema.ts'

/** What differs between the databases, as far as the statements of this folder care. */
export interface SqlFlavour {
  /** Type and modifiers of a row number that grows with each insert. */
  readonly serial: readonly [type: ColumnDataType, modifiers: ColumnBuilderCallback]
  readonly bytes: ColumnDataType
  /** Whether one process holds the database, so that whoever registers a worker knows every earlier one to be dead. */
  readonly soleProcess: boolean
  readonly isUniqueViolation: (error: unknown) => boolean
}

/** What every statement needs: the database (or the transaction under way), the time, and the database's own ways. */
export interface Session {
  readonly db: Kysely<Schema>
  /** The same, ahead of all calls that wait. */
  readonly urgent: Kysely<Schema>
  /** Runs what is compiled already: there, and without Kysely's layers in between where a transaction has its connection in hand. */
  readonly run: <Row>(query: CompiledQuery<Row>) => Promise<QueryResult<Row>>
  readonly clock: Clock
  readonly flavour: SqlFlavour
}

/** Runs several statements as one, in a transaction of their own. One that is begun once `work` has ended is refused: it would be no part of it. */
export async function transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  return await session.db.transaction().execute(async tx => {
    const connection = await tx.getExecutor().provideConnection(async held => held)
    let over = false
    const run: Session['run'] = async query => {
      if (over) throw new Error('the transaction is over')
      return await connection.executeQuery(query)
    }
    try {
      return await work({ ...session, db: tx, urgent: tx, run })
    } finally {
      over = true
    }
  })
}

/** Runs several statements as one: in the transaction under way, or else in one of their own. */
export async function atomic<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  return session.db.isTransaction ? work(session) : transaction(session, work)
}
