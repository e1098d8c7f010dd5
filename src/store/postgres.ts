import { type Kysely, sql } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { databaseClock } from './postgres/clock.ts'
import { connectionsOf, type PostgresConnectionOptions } from './postgres/connections.ts'
import { postgresDialect } from './postgres/dialect.ts'
import { postgresDriver } from './postgres/driver.ts'
import { isConflict, isUniqueViolation, openFaultOf } from './postgres/fault.ts'
import { type Hints, hintsOver } from './postgres/hints.ts'
import { look, requireFit } from './postgres/server.ts'
import type { SqlFlavour } from './sql/session.ts'
import { sqlStore } from './sql/store.ts'

/** How often the clock of the database is looked at, milliseconds. */
const clockMs = 10_000

/** Where a store on PostgreSQL is, and whose time it takes. */
export interface PostgresStoreOptions extends PostgresConnectionOptions {
  /** Stamps rows and judges heartbeats. Default: the database's, which all processes on it share. */
  readonly clock?: Clock
}

/**
 * Opens a store in a database of PostgreSQL 14 or newer, and brings its tables up to date; several processes may do so at once. Every
 * transaction is on disk when it resolves, as far as the server is set up to. Throws `unavailable` when it does not answer, and
 * `invalid_request` when it refuses us or can't be used.
 *
 * @example
 * const store = await postgresStore({ url: 'postgres://slipway:secret@db.internal/slipway' })
 */
export async function postgresStore(options: PostgresStoreOptions): Promise<Store> {
  const connections = await connectionsOf(options)
  const driver = postgresDriver(connections)
  const hints = hintsOver(connections.listener)
  const clock = databaseClock(async () => (await look(connections.urgent)).now)
  let watching: NodeJS.Timeout | undefined
  const close = async (): Promise<void> => {
    clearInterval(watching)
    await Promise.all([driver.destroy(), hints.close()])
  }
  try {
    requireFit(await look(connections.urgent), connections.server)
    await clock.look()
    const lookAgain = (): void => {
      clock.look().catch((error: unknown) => void error) // because it goes on with the monotonic clock until the next look
    }
    watching = setInterval(lookAgain, clockMs).unref()
    const store = await sqlStore({
      dialect: postgresDialect(driver),
      urgent: postgresDialect(driver.urgent),
      flavour: postgresFlavour(hints),
      clock: options.clock ?? clock,
      close,
    })
    return { ...store, clock: options.clock ?? clock, hints: hints.hear }
  } catch (error) {
    await close()
    throw openFaultOf(error, connections.server)
  }
}

/** PostgreSQL's own ways. */
export function postgresFlavour(hints: Hints): SqlFlavour {
  return {
    serial: ['bigint', column => column.generatedByDefaultAsIdentity().primaryKey()],
    bytes: 'bytea',
    soleProcess: false,
    isUniqueViolation,
    isConflict,
    hold: holdName,
    tell: hints.tell,
  }
}

async function holdName<S>(tx: Kysely<S>, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`slipway ${name}`}, 0))`.execute(tx)
}
