import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What pruning walks along: the plans that are still kept, oldest first. */
export const retention: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('runs_frozen')
      .on('runs')
      .column('deployment_id')
      .where(sql.ref('plan'), 'is not', null)
      .execute()
  },
}
