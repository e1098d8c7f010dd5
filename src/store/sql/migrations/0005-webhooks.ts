import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** Webhooks, and what is delivered to them. */
export function webhooks({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('webhooks')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('tenant_id', 'text', c => c.notNull())
        .addColumn('url', 'text', c => c.notNull())
        .addColumn('description', 'text')
        .addColumn('types', 'text')
        .addColumn('instances', 'text')
        .addColumn('enabled', 'integer', c => c.notNull())
        .addColumn('disabled', 'text')
        .addColumn('secret_versions', 'text', c => c.notNull())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('updated_at', 'bigint', c => c.notNull())
        .addColumn('place', 'bigint', c => c.notNull())
        .execute()
      await db.schema.createIndex('webhooks_tenant').on('webhooks').columns(['tenant_id', 'seq']).execute()

      await db.schema
        .createTable('deliveries')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('webhook_id', 'text', c => c.notNull())
        .addColumn('tenant_id', 'text', c => c.notNull())
        .addColumn('event_id', 'text', c => c.notNull())
        .addColumn('event_seq', 'bigint', c => c.notNull())
        .addColumn('event_type', 'text', c => c.notNull())
        .addColumn('instance_id', 'text')
        .addColumn('lane', 'text', c => c.notNull())
        .addColumn('payload', 'text', c => c.notNull())
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('next_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .addColumn('attempt_count', 'integer', c => c.notNull())
        .addColumn('attempts', 'text', c => c.notNull())
        .addColumn('replay_of', 'text')
        .execute()
      const index = (name: string, columns: string[]) => db.schema.createIndex(name).on('deliveries').columns(columns)
      await index('deliveries_webhook', ['webhook_id', 'seq']).execute()
      // Of what has ended, which is nearly all, none of these holds anything but the last.
      await index('deliveries_due', ['next_at', 'webhook_id']).where(sql.ref('next_at'), 'is not', null).execute()
      await index('deliveries_heads', ['webhook_id', 'next_at']).where(sql.ref('next_at'), 'is not', null).execute()
      await index('deliveries_lanes', ['webhook_id', 'lane', 'seq']).where(sql.ref('ended_at'), 'is', null).execute()
      await index('deliveries_ended', ['ended_at']).where(sql.ref('ended_at'), 'is not', null).execute()
    },
  }
}
