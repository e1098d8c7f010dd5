import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { isSlipwayError, messageOf, SlipwayError } from '../../errors.ts'
import { first } from './migrations/0001-first.ts'
import { retention } from './migrations/0002-retention.ts'
import { server } from './migrations/0003-server.ts'
import { audit } from './migrations/0004-audit.ts'
import { webhooks } from './migrations/0005-webhooks.ts'
import { tenancy } from './migrations/0006-tenants.ts'
import { history } from './migrations/0007-history.ts'
import { tasks } from './migrations/0008-tasks.ts'
import { operations } from './migrations/0009-operations.ts'
import type { Schema } from './schema.ts'
import type { SqlFlavour } from './session.ts'

/** Brings the database to the newest schema, all or nothing. Throws `unavailable` when a newer Slipway has been there. */
export async function migrate(db: Kysely<Schema>, flavour: SqlFlavour): Promise<void> {
  const provider = {
    getMigrations: async (): Promise<Record<string, Migration>> => ({
      '0001-first': first(flavour),
      '0002-retention': retention,
      '0003-server': server(flavour),
      '0004-audit': audit(flavour),
      '0005-webhooks': webhooks(flavour),
      '0006-tenants': tenancy(flavour),
      '0007-history': history(flavour),
      '0008-tasks': tasks(flavour),
      '0009-operations': operations,
    }),
  }
  try {
    await db.transaction().execute(async tx => {
      // One process at a time: the others find it done.
      await flavour.hold(tx, 'migrations')
      const { error } = await new Migrator({ db: tx, provider }).migrateToLatest()
      if (error !== undefined) throw error
    })
  } catch (error) {
    if (isSlipwayError(error)) throw error
    throw incompatible(error)
  }
}

function incompatible(error: unknown): SlipwayError {
  return new SlipwayError(
    'unavailable',
    `The database could not be brought to this version's schema: ${messageOf(error)}.`,
    {
      next: 'If a newer Slipway has used it, run that version; otherwise check that it is a Slipway database and can be written.',
      cause: error,
    },
  )
}
