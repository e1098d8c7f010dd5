import type { Kysely } from 'kysely'
import { timestamp } from '../../clock.ts'
import { type Delivery, keptAttempts, type WebhookStore } from '../../event/webhook.ts'
import { json, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import { newestFirst } from './page.ts'
import type { Schema } from './schema.ts'
import { atomic, type Session } from './session.ts'

const deliveryRow = entity<Delivery>({
  id: ['id', text()],
  webhookId: ['webhook_id', text()],
  tenantId: ['tenant_id', text()],
  createdAt: ['created_at', time()],
  eventId: ['event_id', text()],
  eventSeq: ['event_seq', whole()],
  eventType: ['event_type', text()],
  instanceId: ['instance_id', text()],
  state: ['state', text()],
  attemptCount: ['attempt_count', whole()],
  attempts: ['attempts', json()],
  nextAt: ['next_at', time()],
  endedAt: ['ended_at', time()],
  replayOf: ['replay_of', text()],
  payload: ['payload', text()],
  lane: ['lane', text()],
})

type Deliveries = Pick<
  WebhookStore,
  | 'enqueue'
  | 'due'
  | 'dueWebhooks'
  | 'nextDue'
  | 'delivery'
  | 'deliveries'
  | 'attempted'
  | 'hurry'
  | 'cancel'
  | 'pruneDeliveries'
>

/** Deliveries, a row each. Of a lane only the first that has not ended has a time to be sent at, so what is due is found at once, however many wait. */
export function deliveries(session: Session): Deliveries {
  const { db, clock } = session
  return {
    async enqueue(webhookId, added) {
      if (added.length === 0) return
      await atomic(session, async ({ db: tx }) => {
        const lanes = [...new Set(added.map(({ lane }) => lane))]
        const waiting = await tx
          .selectFrom('deliveries')
          .select('lane')
          .distinct()
          .where('webhook_id', '=', webhookId)
          .where('ended_at', 'is', null)
          .where('lane', 'in', lanes)
          .execute()
        const busy = new Set(waiting.map(({ lane }) => lane))
        const rows = added.map(delivery => {
          const next_at = busy.has(delivery.lane) ? null : clock.now()
          busy.add(delivery.lane)
          return { ...deliveryRow.row({ ...delivery, state: 'pending', attemptCount: 0, attempts: [] }), next_at }
        })
        await tx
          .insertInto('deliveries')
          .values(rows as never)
          .execute()
      })
    },

    async due(webhookId, limit) {
      const rows = await db
        .selectFrom('deliveries')
        .selectAll()
        .where('webhook_id', '=', webhookId)
        .where('next_at', '<=', clock.now())
        .orderBy('next_at')
        .orderBy('seq')
        .limit(limit)
        .execute()
      return rows.map(row => deliveryRow.read(row))
    },

    async dueWebhooks() {
      const rows = await db
        .selectFrom('deliveries')
        .select('webhook_id')
        .distinct()
        .where('next_at', '<=', clock.now())
        .execute()
      return rows.map(row => row.webhook_id)
    },

    async nextDue() {
      const { next } = await db
        .selectFrom('deliveries')
        .select(({ fn }) => fn.min<number | null>('next_at').as('next'))
        .where('next_at', '>', clock.now())
        .executeTakeFirstOrThrow()
      return next ?? undefined
    },

    async delivery(tenantId, webhookId, id) {
      const row = await db
        .selectFrom('deliveries')
        .selectAll()
        .where('id', '=', id)
        .where('webhook_id', '=', webhookId)
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst()
      return row && deliveryRow.read(row)
    },

    async deliveries(tenantId, webhookId, { states, ...options } = {}) {
      const all = db.selectFrom('deliveries').where('webhook_id', '=', webhookId).where('tenant_id', '=', tenantId)
      const wanted = states ? all.where('state', 'in', states) : all
      return await newestFirst(db, 'deliveries', options, wanted, deliveryRow.read)
    },

    async attempted({ id, webhookId, lane, ...before }, attempt, then) {
      const ended = 'ended' in then
      const change = deliveryRow.changes({
        attemptCount: before.attemptCount + 1,
        attempts: [...before.attempts, attempt].slice(-keptAttempts),
        ...(ended ? { state: then.ended, endedAt: timestamp(clock.now()), nextAt: null } : { nextAt: then.nextAt }),
      })
      return await atomic(session, async ({ db: tx }) => {
        const { numUpdatedRows } = await tx
          .updateTable('deliveries')
          .set(change)
          .where('id', '=', id)
          .where('ended_at', 'is', null)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) return false
        if (ended) await firstIsDue(tx, webhookId, lane)
        return true
      })
    },

    async hurry({ webhookId, lane }) {
      await firstIsDue(db, webhookId, lane)
    },

    async cancel(webhookId, afterSeq) {
      await atomic(session, async ({ db: tx }) => {
        const ended = { state: 'cancelled', ended_at: clock.now(), next_at: null }
        const cancelled = await tx
          .updateTable('deliveries')
          .set(ended)
          .where('webhook_id', '=', webhookId)
          .where('ended_at', 'is', null)
          .where('event_seq', '>', afterSeq)
          .returning('lane')
          .execute()
        // What stays may have waited for what went.
        if (afterSeq <= 0) return
        for (const lane of new Set(cancelled.map(row => row.lane))) await firstIsDue(tx, webhookId, lane, false)
      })
    },

    async pruneDeliveries(before, limit) {
      const { numDeletedRows } = await db
        .deleteFrom('deliveries')
        .where(
          'seq',
          'in',
          db
            .selectFrom('deliveries')
            .select('seq')
            .where('ended_at', '<', Date.parse(before))
            .orderBy('ended_at')
            .limit(limit),
        )
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }

  /** The first of a lane is due now; one that waits for its next try only if it is to be hurried. */
  async function firstIsDue(tx: Kysely<Schema>, webhookId: string, lane: string, hurried = true): Promise<void> {
    const first = tx
      .selectFrom('deliveries')
      .select(({ fn }) => fn.min<number>('seq').as('first'))
      .where('webhook_id', '=', webhookId)
      .where('lane', '=', lane)
      .where('ended_at', 'is', null)
    const due = tx.updateTable('deliveries').set({ next_at: clock.now() }).where('seq', '=', first)
    await (hurried ? due : due.where('next_at', 'is', null)).execute()
  }
}
