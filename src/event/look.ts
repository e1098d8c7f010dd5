import type { Event, EventQuery, EventStore } from './event.ts'

/** Which events a reader wants. */
export type EventFilter = Omit<EventQuery, 'after' | 'limit'>

/** How many events are read at once. */
export const batchSize = 100

/** What lies after a place in the log. */
export interface Look {
  readonly events: readonly Event[]
  /** How far the look reached: what the filter left out need not be looked through again. */
  readonly upTo: number
  /** Whether there may be more at once. */
  readonly more: boolean
  /** Where the log was pruned up to when that is beyond the place: what lay between is gone. A reader that begins at 0 misses nothing. */
  readonly gone?: number
}

/** One look at what comes after a place; cheap when nothing does. */
export async function look(log: EventStore, filter: EventFilter, after: number): Promise<Look> {
  // Asked first: everything up to here is in what is read next.
  const head = await log.lastSeq()
  if (head <= after) return { events: [], upTo: after, more: false }
  const events = await log.read({ ...filter, after, limit: batchSize })
  // Only where the next one is missing, which the filter may have left out, is there anything to ask.
  const prunedTo = after > 0 && events[0]?.seq !== after + 1 ? await log.prunedTo() : 0
  const last = events.at(-1)?.seq ?? after
  const more = events.length === batchSize
  return { events, upTo: more ? last : Math.max(head, last), more, ...(prunedTo > after ? { gone: prunedTo } : {}) }
}

/** Whether the log's own filter would give this event. */
export function matches(
  event: Event,
  { tenantId, instanceId, instanceIds, deploymentId, types }: EventFilter,
): boolean {
  return (
    (tenantId === undefined || event.tenantId === tenantId) &&
    (instanceId === undefined || event.instanceId === instanceId) &&
    (instanceIds === undefined || (event.instanceId !== undefined && instanceIds.includes(event.instanceId))) &&
    (deploymentId === undefined || event.deploymentId === deploymentId) &&
    (types === undefined || types.includes(event.type))
  )
}
