import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** What deployments and instances leave behind to look at: samples of traffic and checks, health over time, images that went. */
export function history({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('steps').addColumn('running_at', 'bigint').execute()
      await db.schema
        .createTable('samples')
        .addColumn('seq', ...serial)
        .addColumn('deployment_id', 'text', c => c.notNull())
        .addColumn('at', 'bigint', c => c.notNull())
        .addColumn('span_ms', 'bigint', c => c.notNull())
        .addColumn('shares', 'text', c => c.notNull())
        .addColumn('checks', 'text')
        .execute()
      await db.schema.createIndex('samples_deployment').on('samples').columns(['deployment_id', 'seq']).execute()

      await db.schema
        .createTable('health_spans')
        .addColumn('seq', ...serial)
        .addColumn('instance_id', 'text', c => c.notNull())
        .addColumn('service', 'text', c => c.notNull())
        .addColumn('health', 'text', c => c.notNull())
        .addColumn('from_at', 'bigint', c => c.notNull())
        .addColumn('until_at', 'bigint')
        .execute()
      await db.schema.createIndex('health_spans_of').on('health_spans').columns(['instance_id', 'until_at']).execute()
      await db.schema
        .createIndex('health_spans_old')
        .on('health_spans')
        .column('until_at')
        .where(sql<boolean>`until_at is not null`)
        .execute()

      await db.schema
        .createTable('watches')
        .addColumn('id', 'text', c => c.primaryKey())
        .addColumn('from_at', 'bigint', c => c.notNull())
        .addColumn('beat_at', 'bigint', c => c.notNull())
        .execute()

      await db.schema
        .createTable('pruned_images')
        .addColumn('digest', 'text', c => c.primaryKey())
        .addColumn('at', 'bigint', c => c.notNull())
        .execute()
      await db.schema.createIndex('deployments_release').on('deployments').column('release_id').execute()
    },
  }
}
