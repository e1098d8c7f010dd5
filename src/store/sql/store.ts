import { type Dialect, Kysely } from 'kysely'
import type { Clock } from '../../clock.ts'
import type { Store, Stores } from '../../deploy/work.ts'
import { newId } from '../../id.ts'
import { audit } from './audit.ts'
import { deliveries } from './deliveries.ts'
import { deployments } from './deployments.ts'
import { events } from './events.ts'
import { history } from './history.ts'
import { instances } from './instances.ts'
import { migrate } from './migrate.ts'
import { outboxOf } from './outbox.ts'
import { releases } from './releases.ts'
import { requests } from './requests.ts'
import type { Schema } from './schema.ts'
import { secrets } from './secrets.ts'
import { type Session, type SqlFlavour, transaction } from './session.ts'
import { tasks } from './tasks.ts'
import { tenants } from './tenants.ts'
import { tokens } from './tokens.ts'
import { webhooks } from './webhooks.ts'
import { work } from './work.ts'

/** What a store is opened with. `close` lets go of the database once what is under way has ended. */
export interface SqlStoreOptions {
  readonly dialect: Dialect
  /** For what must not wait behind everything else: heartbeats. */
  readonly urgent: Dialect
  readonly flavour: SqlFlavour
  readonly clock: Clock
  readonly close: () => Promise<void>
  /** See {@link Store.tidy}. */
  readonly tidy?: (db: Kysely<Schema>) => Promise<void>
}

/** A store over any SQL database Kysely speaks to: brings the schema up to date and reads (or gives) the store's id. */
export async function sqlStore({ dialect, urgent, flavour, clock, close, tidy }: SqlStoreOptions): Promise<Store> {
  const db = new Kysely<Schema>({ dialect })
  try {
    await migrate(db, flavour)
    const outbox = flavour.soleProcess ? undefined : outboxOf(db, flavour)
    const session: Session = {
      db,
      urgent: new Kysely<Schema>({ dialect: urgent }),
      run: query => db.getExecutor().provideConnection(connection => connection.executeQuery(query)),
      clock,
      flavour,
      ...(outbox ? { outbox } : {}),
    }
    let closed: Promise<void> | undefined
    return {
      storeId: await storeId(db),
      ...stores(session),
      ...(tidy ? { tidy: () => tidy(db) } : {}),
      transaction: work => transaction(session, tx => work(stores(tx))),
      close: () => (closed ??= close()),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function stores(session: Session): Stores {
  return {
    deploys: { ...deployments(session), ...releases(session) },
    instances: instances(session),
    events: events(session),
    secrets: secrets(session),
    tokens: tokens(session),
    tenants: tenants(session),
    requests: requests(session),
    audit: audit(session),
    tasks: tasks(session),
    webhooks: { ...webhooks(session), ...deliveries(session) },
    work: work(session),
    history: history(session),
  }
}

async function storeId(db: Kysely<Schema>): Promise<string> {
  await db
    .insertInto('meta')
    .values({ key: 'store_id', value: newId('store') })
    .onConflict(c => c.column('key').doNothing())
    .execute()
  const { value } = await db.selectFrom('meta').select('value').where('key', '=', 'store_id').executeTakeFirstOrThrow()
  return value
}
