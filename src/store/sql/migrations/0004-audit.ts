import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** What callers did. */
export function audit({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('audit')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('tenant_id', 'text', c => c.notNull())
        .addColumn('actor', 'text', c => c.notNull())
        .addColumn('token_id', 'text')
        .addColumn('operator', 'integer')
        .addColumn('origin', 'text')
        .addColumn('action', 'text', c => c.notNull())
        .addColumn('object', 'text', c => c.notNull())
        .addColumn('object_id', 'text', c => c.notNull())
        .addColumn('instance_id', 'text')
        .addColumn('before', 'text')
        .addColumn('after', 'text')
        .execute()
      await db.schema.createIndex('audit_tenant').on('audit').columns(['tenant_id', 'seq']).execute()
      await db.schema.createIndex('audit_object').on('audit').columns(['object_id', 'seq']).execute()
      await db.schema.createIndex('audit_instance').on('audit').columns(['instance_id', 'seq']).execute()
    },
  }
}
