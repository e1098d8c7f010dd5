import type { Timestamp } from '../clock.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { EventType } from './event.ts'

/** Where events of a tenant are sent as they happen. */
export interface Webhook {
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  readonly tenantId: string
  readonly url: string
  readonly description?: string
  /** Types of event, or all of a family: `deploy.*`. Absent: all. */
  readonly types?: readonly string[]
  /** Ids of the instances whose events it wants. Absent: all, and those of no instance. */
  readonly instances?: readonly string[]
  readonly enabled: boolean
  /** Why it is not. */
  readonly disabled?: Disabled
  /** Versions of its secret that requests are signed with, the newest last. */
  readonly secretVersions: readonly SecretVersion[]
}

/** Why nothing is sent: someone said so, or the receiver did, by answering 410. */
export interface Disabled {
  readonly code: 'by_request' | 'gone'
  readonly text: string
  readonly since: Timestamp
}

export interface SecretVersion {
  readonly version: number
  /** After a rotation: until when it is used beside the newer one. */
  readonly until?: Timestamp
}

/** One event on its way to one webhook. */
export interface Delivery {
  readonly id: string
  readonly webhookId: string
  readonly tenantId: string
  readonly createdAt: Timestamp
  /** The event, and what the receiver is told as `webhook-id`: the same at every attempt and replay. */
  readonly eventId: string
  readonly eventSeq: number
  readonly eventType: EventType
  readonly instanceId?: string
  readonly state: DeliveryState
  readonly attemptCount: number
  /** The last ones, oldest first. */
  readonly attempts: readonly Attempt[]
  /** When it is tried next. Absent once it has ended, and while an earlier one of its instance has not. */
  readonly nextAt?: Timestamp
  readonly endedAt?: Timestamp
  /** The delivery that it repeats. */
  readonly replayOf?: string
  /** What is sent, byte for byte: the event as the API tells it. */
  readonly payload: string
  /** Those of one lane are sent one after the other: the events of an instance are one, a ping is one of its own. */
  readonly lane: string
}

/** `failed` is given up; `cancelled`, the webhook was disabled, or a replay makes it anew. */
export type DeliveryState = (typeof deliveryStates)[number]

export const deliveryStates = ['pending', 'delivered', 'failed', 'cancelled'] as const

/** One request to a receiver, and what came of it. */
export interface Attempt {
  readonly at: Timestamp
  readonly durationMs: number
  /** What it answered with. */
  readonly status?: number
  /** Why that is no success. */
  readonly error?: string
  /** The first of what it answered, secrets masked. */
  readonly answer?: string
}

/** A delivery that is to be made; the store gives it its place among those of its lane. */
export type NewDelivery = Omit<Delivery, 'state' | 'attemptCount' | 'attempts' | 'nextAt' | 'endedAt'>

/** An enabled webhook, and how far of the log its deliveries were made. */
export interface FedWebhook {
  readonly webhook: Webhook
  readonly place: number
}

/** Which deliveries. */
export interface DeliveryListOptions extends ListOptions {
  readonly states?: readonly DeliveryState[]
}

/** Keeps webhooks, and their deliveries. */
export interface WebhookStore {
  insert(webhook: Webhook, place: number): Promise<void>
  get(tenantId: string, id: string): Promise<Webhook | undefined>
  /** Newest first. */
  list(tenantId: string, options?: ListOptions): Promise<Page<Webhook>>
  /** `null` takes a field away. With `place`, its deliveries are made from there on. */
  change(
    id: string,
    patch: { readonly [K in keyof Omit<Webhook, 'id' | 'tenantId' | 'createdAt'>]?: Webhook[K] | null } & {
      readonly place?: number
    },
  ): Promise<void>
  /** The webhook and all its deliveries. */
  delete(id: string): Promise<void>
  /** The webhook, if it is enabled, whoever has it. */
  enabled(id: string): Promise<FedWebhook | undefined>
  /** Ids of all that are enabled. */
  allEnabled(): Promise<string[]>
  /** Its deliveries are made up to `place`; false when it is not as it was seen any more. */
  reached(seen: FedWebhook, place: number): Promise<boolean>

  /** Puts deliveries of one webhook at the end of their lanes; the first of a lane is due now. */
  enqueue(webhookId: string, deliveries: readonly NewDelivery[]): Promise<void>
  /** Those that are due, at most `limit`, the longest due first. */
  due(webhookId: string, limit: number): Promise<Delivery[]>
  /** Webhooks that have some that are due. */
  dueWebhooks(): Promise<string[]>
  /** When the next one becomes due that is not yet, ms since 1970. */
  nextDue(): Promise<number | undefined>
  delivery(tenantId: string, webhookId: string, id: string): Promise<Delivery | undefined>
  /** Newest first. */
  deliveries(tenantId: string, webhookId: string, options?: DeliveryListOptions): Promise<Page<Delivery>>
  /** What came of an attempt, if the delivery is still pending; says whether it was. It is tried again at `nextAt`, or ends and the next of its lane is due. */
  attempted(
    delivery: Delivery,
    attempt: Attempt,
    then: { readonly nextAt: Timestamp } | { readonly ended: 'delivered' | 'failed' },
  ): Promise<boolean>
  /** Makes the first of its lane due now. */
  hurry(delivery: Delivery): Promise<void>
  /** Ends what is pending, of events after this place of the log. */
  cancel(webhookId: string, afterSeq: number): Promise<void>
  /** Removes deliveries that ended before, at most `limit`; says how many. */
  pruneDeliveries(before: Timestamp, limit: number): Promise<number>
}

/** So many of the last attempts of a delivery are kept. */
export const keptAttempts = 20

/** So many a tenant may have. */
export const mostWebhooks = 50
