import { type Clock, timestamp } from '../clock.ts'
import type { Store, Stores } from '../deploy/work.ts'
import type { Delivery, Disabled, Webhook } from './webhook.ts'
import { nextTry } from './webhook-schedule.ts'
import type { Outcome } from './webhook-send.ts'

/** Writes down what came of an attempt, and what follows from it; says when it is tried again. */
export async function record(
  { store, clock, random }: { readonly store: Store; readonly clock: Clock; readonly random: () => number },
  webhook: Webhook,
  delivery: Delivery,
  { kind, attempt, retryAfterMs }: Outcome,
): Promise<'delivered' | 'gone' | 'given up' | { readonly nextAt: number }> {
  const now = clock.now()
  const next = nextTry(
    {
      attemptCount: delivery.attemptCount + 1,
      since: Date.parse(delivery.createdAt),
      now,
      ...(retryAfterMs === undefined ? {} : { atLeastMs: retryAfterMs }),
    },
    random(),
  )
  return await store.transaction(async tx => {
    if (kind === 'delivered') {
      await tx.webhooks.attempted(delivery, attempt, { ended: 'delivered' })
      return 'delivered'
    }
    if (kind === 'gone') {
      await tx.webhooks.attempted(delivery, attempt, { ended: 'failed' })
      const still = await tx.webhooks.enabled(webhook.id)
      // Another URL than the one that answered is not gone.
      if (still?.webhook.url === webhook.url) {
        await disable(tx, still.webhook, {
          code: 'gone',
          text: `The receiver answered 410 to delivery ${delivery.id}.`,
          since: timestamp(now),
        })
      }
      return 'gone'
    }
    if (next !== undefined) {
      await tx.webhooks.attempted(delivery, attempt, { nextAt: timestamp(next) })
      return { nextAt: next }
    }
    const gaveUp = await tx.webhooks.attempted(delivery, attempt, { ended: 'failed' })
    // That one about a webhook could not be delivered is told by its state alone: two webhooks that fail would tell each other for ever.
    if (gaveUp && !delivery.eventType.startsWith('webhook.')) {
      await tx.events.append({
        type: 'webhook.delivery_failed',
        tenantId: webhook.tenantId,
        data: { webhookId: webhook.id, deliveryId: delivery.id, eventId: delivery.eventId },
      })
    }
    return 'given up'
  })
}

/** Nothing more is sent to it, and what was to be sent is given up. */
export async function disable({ webhooks, events }: Stores, webhook: Webhook, disabled: Disabled): Promise<void> {
  await webhooks.change(webhook.id, { enabled: false, disabled, updatedAt: disabled.since })
  await webhooks.cancel(webhook.id, 0)
  const data = { webhookId: webhook.id, code: disabled.code }
  await events.append({ type: 'webhook.disabled', tenantId: webhook.tenantId, data })
}
