import { type Clock, timestamp } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { newId } from '../id.ts'
import { wire } from '../wire.ts'
import type { EventBus } from './bus.ts'
import type { Event } from './event.ts'
import type { EventFilter } from './look.ts'
import type { FedWebhook, NewDelivery, Webhook } from './webhook.ts'
import { typesOf, webhookIn } from './webhook-types.ts'

/** A place in the log is written down without deliveries only every so many events: each time is a write. */
const stride = 1000

/** What a feed works with. */
export interface FeedParts {
  readonly store: Store
  readonly bus: EventBus
  readonly clock: Clock
  /** There are new deliveries. */
  readonly onAdded: () => void
  /** The log was pruned beyond the place. */
  readonly onMissed: (gap: { readonly after: number; readonly upTo: number }) => void
}

/**
 * Turns the events that a webhook wants into deliveries, each exactly once: they are written together with how far the log was read. Ends
 * when the signal is aborted, or when the webhook is not as it was any more.
 */
export async function feed(parts: FeedParts, fed: FedWebhook, signal: AbortSignal): Promise<void> {
  const { store, bus, clock, onAdded, onMissed } = parts
  const { webhook } = fed
  let { place } = fed
  for await (const { events, upTo, gone } of bus.follow(filterOf(webhook), fed.place, signal)) {
    if (gone !== undefined) onMissed({ after: place, upTo: gone })
    const wanted = events.filter(event => webhookIn(event) !== webhook.id)
    if (wanted.length === 0 && upTo - place < stride) continue
    const seen: FedWebhook = { webhook, place }
    const isSame = await store.transaction(async ({ webhooks }) => {
      if (!(await webhooks.reached(seen, upTo))) return false
      const now = clock.now()
      await webhooks.enqueue(
        webhook.id,
        wanted.map(event => deliveryOf(webhook, event, now)),
      )
      return true
    })
    if (!isSame) return
    place = upTo
    if (wanted.length > 0) onAdded()
  }
}

/** What of the log a webhook wants. */
export function filterOf({ tenantId, types, instances }: Webhook): EventFilter {
  return { tenantId, types: typesOf(types), ...(instances ? { instanceIds: instances } : {}) }
}

/** An event on its way to a webhook, behind the others of its instance. */
export function deliveryOf(webhook: Webhook, event: Event, now: number): NewDelivery {
  return {
    id: newId('dlv'),
    webhookId: webhook.id,
    tenantId: webhook.tenantId,
    createdAt: timestamp(now),
    eventId: event.id,
    eventSeq: event.seq,
    eventType: event.type,
    ...(event.instanceId === undefined ? {} : { instanceId: event.instanceId }),
    lane: event.instanceId ?? '',
    payload: JSON.stringify(wire(event)),
  }
}
