import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What is found among a million others: the leases of one worker, tasks that ended, pages of the audit log and of deliveries by what narrows them. */
export const operations: Migration = {
  async up(db: Kysely<unknown>) {
    const { schema } = db
    await schema
      .createIndex('instances_owner')
      .on('instances')
      .column('owner')
      .where(sql<boolean>`owner is not null`)
      .execute()
    await schema
      .createIndex('tasks_finished')
      .on('tasks')
      .column('finished_at')
      .where(sql<boolean>`finished_at is not null`)
      .execute()
    await schema
      .createIndex('tasks_unended')
      .on('tasks')
      .column('instance_id')
      .where(sql<boolean>`state in ('pending', 'running')`)
      .execute()
    await schema.createIndex('deployments_by_state').on('deployments').columns(['state', 'seq']).execute()
    await schema.dropIndex('deliveries_webhook').execute()
    const ofWebhook = ['webhook_id', 'tenant_id'] as const
    await schema
      .createIndex('deliveries_of')
      .on('deliveries')
      .columns([...ofWebhook, 'seq'])
      .execute()
    await schema
      .createIndex('deliveries_state')
      .on('deliveries')
      .columns([...ofWebhook, 'state', 'seq'])
      .execute()
    await schema.createIndex('audit_actor').on('audit').columns(['tenant_id', 'actor', 'seq']).execute()
    await schema.createIndex('audit_action').on('audit').columns(['tenant_id', 'action', 'seq']).execute()
    await schema.createIndex('audit_time').on('audit').columns(['tenant_id', 'created_at']).execute()
  },
}
