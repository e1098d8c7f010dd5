import type { FedWebhook, Webhook, WebhookStore } from '../../event/webhook.ts'
import { flag, json, text, time } from './codec.ts'
import { entity } from './entity.ts'
import { newestFirst } from './page.ts'
import { atomic, type Session } from './session.ts'

const webhookRow = entity<Webhook>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  updatedAt: ['updated_at', time()],
  tenantId: ['tenant_id', text()],
  url: ['url', text()],
  description: ['description', text()],
  types: ['types', json()],
  instances: ['instances', json()],
  enabled: ['enabled', flag()],
  disabled: ['disabled', json()],
  secretVersions: ['secret_versions', json()],
})

type Webhooks = Pick<
  WebhookStore,
  'insert' | 'get' | 'list' | 'change' | 'delete' | 'enabled' | 'allEnabled' | 'reached'
>

/** Webhooks, a row each. */
export function webhooks(session: Session): Webhooks {
  const { db } = session
  return {
    async insert(webhook, place) {
      await db
        .insertInto('webhooks')
        .values({ ...webhookRow.row(webhook), place } as never)
        .execute()
    },

    async get(tenantId, id) {
      const one = db.selectFrom('webhooks').selectAll().where('id', '=', id).where('tenant_id', '=', tenantId)
      const row = await (db.isTransaction ? one.forUpdate() : one).executeTakeFirst()
      return row && webhookRow.read(row)
    },

    async list(tenantId, options) {
      const all = db.selectFrom('webhooks').where('tenant_id', '=', tenantId)
      return await newestFirst(db, 'webhooks', options, all, webhookRow.read)
    },

    async change(id, { place, ...patch }) {
      await db
        .updateTable('webhooks')
        .set({ ...webhookRow.changes(patch), ...(place === undefined ? {} : { place }) })
        .where('id', '=', id)
        .execute()
    },

    async delete(id) {
      await atomic(session, async ({ db: tx }) => {
        await tx.deleteFrom('webhooks').where('id', '=', id).execute()
        await tx.deleteFrom('deliveries').where('webhook_id', '=', id).execute()
      })
    },

    async enabled(id): Promise<FedWebhook | undefined> {
      const one = db.selectFrom('webhooks').selectAll().where('id', '=', id).where('enabled', '=', 1)
      const row = await (db.isTransaction ? one.forUpdate() : one).executeTakeFirst()
      return row && { webhook: webhookRow.read(row), place: row.place }
    },

    async allEnabled() {
      const rows = await db.selectFrom('webhooks').select('id').where('enabled', '=', 1).orderBy('seq').execute()
      return rows.map(({ id }) => id)
    },

    async reached({ webhook, place: seen }, place) {
      const { numUpdatedRows } = await db
        .updateTable('webhooks')
        .set({ place })
        .where('id', '=', webhook.id)
        .where('enabled', '=', 1)
        .where('place', '=', seen)
        .where('updated_at', '=', Date.parse(webhook.updatedAt))
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}
