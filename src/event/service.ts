import { type AuthProvider, type Claims, everyTenant } from '../auth/auth.ts'
import type { EventBus } from './bus.ts'
import type { Event, EventStore, EventType } from './event.ts'
import { batchSize, type EventFilter } from './look.ts'

/** Which events a caller wants. */
export interface EventScope {
  readonly instanceId?: string
  readonly deploymentId?: string
  readonly types?: readonly EventType[]
}

/** The log of events as one caller may read it. Places in it are numbers that only grow. */
export interface EventService {
  /** The place of the newest event of the log. Ask for it before reading a state, and listen from there: nothing is missed. */
  place(): Promise<number>
  /** Whether everything after this place is still (and already) in the log; 0, the start, is always there. */
  reaches(after: number): Promise<boolean>
  /** In order, at most `limit` (default 100) after a place (default 0, the start). */
  read(scope: EventScope & { readonly after?: number; readonly limit?: number }): Promise<Event[]>
  /** Which events of the log these are for this caller: nothing of what they may not see. */
  filter(scope: EventScope): Promise<EventFilter>
  /** Follows the log from a place (default: from now on) until the signal is aborted. */
  watch(scope: EventScope & { readonly after?: number }, signal: AbortSignal): Promise<AsyncIterable<Event>>
}

/** An event service that acts for this caller. */
export function eventService(
  { auth, events, bus }: { readonly auth: AuthProvider; readonly events: EventStore; readonly bus: EventBus },
  caller: Claims,
): EventService {
  const tenantId = auth.tenantOf(caller)
  const filterOf = async ({ instanceId, deploymentId, types }: EventScope): Promise<EventFilter> => {
    await auth.authorize(caller, 'event.read', instanceId === undefined ? {} : { instanceId })
    return {
      ...(tenantId === everyTenant ? {} : { tenantId }),
      ...(caller.instances ? { instanceIds: caller.instances } : {}),
      ...(instanceId !== undefined ? { instanceId } : {}),
      ...(deploymentId !== undefined ? { deploymentId } : {}),
      ...(types ? { types } : {}),
    }
  }
  return {
    place: () => events.lastSeq(),
    async reaches(after) {
      return after <= (await events.lastSeq()) && (after === 0 || after >= (await events.prunedTo()))
    },
    async read({ after = 0, limit = batchSize, ...scope }) {
      return await events.read({ ...(await filterOf(scope)), after, limit })
    },
    filter: filterOf,
    async watch({ after, ...scope }, signal) {
      const filter = await filterOf(scope)
      return bus.watch({ ...filter, ...(after !== undefined ? { after } : {}) }, signal)
    },
  }
}
