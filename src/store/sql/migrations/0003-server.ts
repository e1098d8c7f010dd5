import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** What a server needs: tokens, requests that may be sent again, and deployments listed across instances. */
export function server({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('tokens')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('tenant_id', 'text', c => c.notNull())
        .addColumn('name', 'text', c => c.notNull())
        .addColumn('scopes', 'text', c => c.notNull())
        .addColumn('instances', 'text')
        .addColumn('created_by', 'text', c => c.notNull())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('expires_at', 'bigint', c => c.notNull())
        .addColumn('last_used_at', 'bigint')
        .addColumn('rotated_at', 'bigint')
        .addColumn('revoked_at', 'bigint')
        .addColumn('hash', 'text', c => c.notNull().unique())
        .addColumn('previous_hash', 'text')
        .addColumn('previous_until', 'bigint')
        .execute()
      await db.schema.createIndex('tokens_tenant').on('tokens').columns(['tenant_id', 'seq']).execute()
      await db.schema.createIndex('tokens_previous').on('tokens').column('previous_hash').execute()

      await db.schema
        .createTable('requests')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('digest', 'text', c => c.notNull())
        .addColumn('begun_at', 'bigint', c => c.notNull())
        .addColumn('answer', 'text')
        .execute()
      await db.schema.createIndex('requests_begun').on('requests').column('begun_at').execute()

      await db.schema.createIndex('deployments_tenant').on('deployments').columns(['tenant_id', 'seq']).execute()
      // Without it the list of one instance would go through all of its tenant by the index above.
      const ofInstance = ['tenant_id', 'instance_id', 'seq'] as const
      await db.schema
        .createIndex('deployments_of_instance')
        .on('deployments')
        .columns([...ofInstance])
        .execute()
    },
  }
}
