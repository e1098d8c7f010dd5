import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** Tenants of which more is known than their name, and the addresses a token may come from. */
export function tenancy({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('tenants')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('updated_at', 'bigint', c => c.notNull())
        .addColumn('title', 'text')
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('reason', 'text')
        .addColumn('quota', 'text', c => c.notNull())
        .addColumn('created_by', 'text', c => c.notNull())
        .execute()
      await db.schema.alterTable('tokens').addColumn('allowed_ips', 'text').execute()
    },
  }
}
