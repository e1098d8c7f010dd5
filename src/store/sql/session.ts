import type { ColumnBuilderCallback, ColumnDataType, Kysely } from 'kysely'
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
  readonly clock: Clock
  readonly flavour: SqlFlavour
}

/** Runs several statements as one: in the transaction under way, or else in one of their own. */
export async function atomic<T>(session: Session, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  return session.db.isTransaction ? work(session.db) : session.db.transaction().execute(work)
}
