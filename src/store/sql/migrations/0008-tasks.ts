import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { SqlFlavour } from '../session.ts'

/** One-off tasks. */
export function tasks({ serial }: SqlFlavour): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('tasks')
        .addColumn('seq', ...serial)
        .addColumn('id', 'text', c => c.notNull().unique())
        .addColumn('created_at', 'bigint', c => c.notNull())
        .addColumn('tenant_id', 'text', c => c.notNull())
        .addColumn('instance_id', 'text', c => c.notNull())
        .addColumn('service', 'text', c => c.notNull())
        .addColumn('release_id', 'text', c => c.notNull())
        .addColumn('command', 'text', c => c.notNull())
        .addColumn('timeout_seconds', 'integer', c => c.notNull())
        .addColumn('state', 'text', c => c.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('finished_at', 'bigint')
        .addColumn('exit_code', 'integer')
        .addColumn('output', 'text')
        .addColumn('error', 'text')
        .addColumn('error_code', 'text')
        .addColumn('initiator', 'text', c => c.notNull())
        .addColumn('cancelled_by', 'text')
        .addColumn('owner', 'text')
        .execute()
      await db.schema.createIndex('tasks_instance').on('tasks').columns(['instance_id', 'seq']).execute()
      await db.schema.createIndex('tasks_state').on('tasks').columns(['state', 'seq']).execute()
    },
  }
}
