import type { ColumnBuilderCallback, ColumnDataType, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Clock } from '../../clock.ts'
import type { Outbox } from './outbox.ts'
import type { Schema } from './schema.ts'

/** What differs between the databases, as far as the statements of this folder care. */
export interface SqlFlavour {
  /** Type and modifiers of a row number that grows with each insert. */
  readonly serial: readonly [type: ColumnDataType, modifiers: ColumnBuilderCallback]
  readonly bytes: ColumnDataType
  /**
   * Whether one process holds the database, and transactions that write run one after the other: whoever registers a worker knows every
   * earlier one to be dead, what a transaction has read stays so until its end, and rows are numbered in the order of their commits.
   */
  readonly soleProcess: boolean
  readonly isUniqueViolation: (error: unknown) => boolean
  /** Whether the database gave a transaction up for the sake of another one: nothing of it was done, and it may be run again. */
  readonly isConflict: (error: unknown) => boolean
  /** Until the end of the transaction nobody else holds this name. Nothing to do where transactions run one at a time. */
  readonly hold: (tx: Kysely<Schema>, name: string) => Promise<void>
  /** Tells the other processes which instances have new events, once the transaction is committed. Absent where there are no others. */
  readonly tell?: (tx: Kysely<Schema>, instanceIds: readonly string[]) => Promise<void>
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
  /** Where events wait until they are numbered; absent where they are numbered as they are written. */
  readonly outbox?: Outbox
}

/** How often a transaction is run again that the database gave up for the sake of another one. */
const mostRuns = 10

/**
 * Runs several statements as one, in a transaction of their own. One that is begun once `work` has ended is refused: it would be no part of it.
 * `work` is run again when the database gave the transaction up for the sake of another one, as of two that wait for each other.
 */
export async function transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  for (let runs = 1; ; runs++) {
    try {
      return await once(session, work)
    } catch (error) {
      if (runs >= mostRuns || !session.flavour.isConflict(error)) throw error
    }
  }
}

async function once<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  let wrote = false
  const { outbox } = session
  // What waits there is nobody's before the commit.
  const own = outbox ? { outbox: { ...outbox, soon: () => void (wrote = true) } } : {}
  const result = await session.db.transaction().execute(async tx => {
    const connection = await tx.getExecutor().provideConnection(async held => held)
    let over = false
    const run: Session['run'] = async query => {
      if (over) throw new Error('the transaction is over')
      return await connection.executeQuery(query)
    }
    try {
      return await work({ ...session, ...own, db: tx, urgent: tx, run })
    } finally {
      over = true
    }
  })
  if (wrote) outbox?.soon()
  return result
}

/** Runs several statements as one: in the transaction under way, or else in one of their own. */
export async function atomic<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  return session.db.isTransaction ? work(session) : transaction(session, work)
}
