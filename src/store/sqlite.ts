import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type Clock, systemClock } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import type { SqlFlavour } from './sql/session.ts'
import { sqlStore } from './sql/store.ts'
import { sqliteDialect } from './sqlite/dialect.ts'
import { sqliteDriver } from './sqlite/driver.ts'
import { faultOf, isUniqueViolation } from './sqlite/fault.ts'
import { hold } from './sqlite/hold.ts'
import { logBytes, reserveLog } from './sqlite/log-reserve.ts'
import { tidy } from './sqlite/tidy.ts'

/** Where a store on SQLite keeps its data, and its time. */
export interface SqliteStoreOptions {
  /** The data file, or `:memory:` for one that is gone when it is closed. */
  readonly path: string
  /** Stamps rows and judges heartbeats. Default: the machine's. */
  readonly clock?: Clock
  /** How long a call waits for one transaction before it is taken for a deadlock, milliseconds. Default 30 000. */
  readonly deadlockMs?: number
  /** How long a call waits while others have their turns before it is refused with `overloaded`, milliseconds. Default 10 000. */
  readonly patienceMs?: number
  /** Called before each flush to disk: where a test makes the disk slow, or fail. */
  readonly beforeFlush?: () => void
  /** Told after each flush how long it took, seconds. */
  readonly onFlush?: (seconds: number) => void
}

/**
 * Opens a store in one file, made and brought up to date as needed, and holds it until `close`. Every transaction is on disk when it
 * resolves. Throws `unavailable` when another process holds the file.
 *
 * @example
 * const store = await sqliteStore({ path: '/var/lib/slipway/slipway.db' })
 */
export async function sqliteStore({ path, clock = systemClock, ...limits }: SqliteStoreOptions): Promise<Store> {
  const held = path === ':memory:' ? undefined : hold(path)
  const driver = sqliteDriver(() => open(held?.path ?? path), limits)
  const close = async () => {
    await driver.destroy()
    held?.release()
  }
  return sqlStore({
    dialect: sqliteDialect(driver),
    urgent: sqliteDialect(driver.urgent),
    flavour: sqliteFlavour,
    clock,
    close,
    ...(held ? { tidy } : {}),
  })
}

/** SQLite's own ways. */
export const sqliteFlavour: SqlFlavour = {
  serial: ['integer', column => column.primaryKey()],
  bytes: 'blob',
  soleProcess: true,
  isUniqueViolation,
  isConflict: () => false,
  hold: async () => {},
}

function open(path: string): DatabaseSync {
  // Made by us first, so that nobody else can read it; SQLite gives its side files the same mode.
  if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600))
  const database = new DatabaseSync(path, { timeout: 5_000, enableForeignKeyConstraints: true })
  try {
    // Before the first table, so that a new file can give back what was deleted; an older one reuses it.
    database.exec('pragma auto_vacuum = incremental')
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = fast')
    if (path !== ':memory:') {
      database.exec(`pragma journal_size_limit = ${logBytes}`)
      reserveLog(path)
    }
    return database
  } catch (error) {
    database.close()
    throw faultOf(error)
  }
}
