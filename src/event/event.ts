import type { Timestamp } from '../clock.ts'

/** Types of event. Each deployment has exactly one of succeeded, failed, cancelled; `deploy.rolled_back` may follow a success. */
export const eventTypes = [
  'deploy.queued',
  'deploy.started',
  'deploy.progress',
  'deploy.checked',
  'deploy.paused',
  'deploy.resumed',
  'deploy.undoing',
  'deploy.succeeded',
  'deploy.failed',
  'deploy.cancelled',
  'deploy.rolled_back',
  'release.created',
  'release.activated',
  'instance.created',
  'instance.updated',
  'instance.provisioned',
  'instance.scaled',
  'instance.restarted',
  'instance.stopped',
  'instance.started',
  'instance.deleted',
  'instance.failed',
  'instance.healed',
  'instance.crash_looping',
  'instance.recovered',
  'instance.needs_attention',
  'instance.adopted',
  'task.queued',
  'task.started',
  'task.succeeded',
  'task.failed',
  'task.cancelled',
  'secret.rotated',
  'secret.revoked',
  'webhook.created',
  'webhook.updated',
  'webhook.disabled',
  'webhook.deleted',
  'webhook.replayed',
  'webhook.delivery_failed',
  'webhook.ping',
  'tenant.created',
  'tenant.updated',
  'tenant.deleted',
] as const

export type EventType = (typeof eventTypes)[number]

/** What happened, written in the transaction that made it so. */
export interface NewEvent {
  readonly type: EventType
  readonly tenantId: string
  readonly instanceId?: string
  readonly deploymentId?: string
  readonly releaseId?: string
  /** Details; small, never a secret. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** An event in the log. */
export interface Event extends NewEvent {
  readonly id: string
  /**
   * Its place in the one order that never changes. Grows; has no meaning beyond that. 0 where it was just written in a transaction that
   * others run beside: then it is numbered after the commit.
   */
  readonly seq: number
  readonly at: Timestamp
}

/** What a reader of the log wants. */
export interface EventQuery {
  /** Only after this place. 0 reads from the start. */
  readonly after: number
  readonly limit: number
  readonly tenantId?: string
  readonly instanceId?: string
  /** Of any of these instances. */
  readonly instanceIds?: readonly string[]
  readonly deploymentId?: string
  readonly types?: readonly EventType[]
}

/** How much of what only grows is kept. */
export interface Cap {
  /** So many of the newest. */
  readonly keep: number
  /** For so long, milliseconds. */
  readonly keepMs: number
}

/** The log of events: written with the state they tell of, read in one order. */
export interface EventStore {
  append(event: NewEvent): Promise<Event>
  /** In order, at most `limit`. */
  read(query: EventQuery): Promise<Event[]>
  /** Newest first. */
  recent(query: { tenantId?: string; instanceId?: string; deploymentId?: string; limit: number }): Promise<Event[]>
  /** The place of the newest event, 0 when there is none. */
  lastSeq(): Promise<number>
  /** How far a named subscriber has read, 0 when it is new. */
  cursor(subscriber: string): Promise<number>
  setCursor(subscriber: string, seq: number): Promise<void>
  /**
   * Removes events from the start of the log, of at most `limit` looked at: those that are older than the cap or too many for it. One that
   * a named subscriber has not read stays until it is twice as old, or one too many for twice the cap. The newest always stays. Says how
   * many went.
   */
  prune(cap: Cap, limit: number): Promise<number>
  /** Up to here the log was removed; 0 when it is whole. */
  prunedTo(): Promise<number>
}
