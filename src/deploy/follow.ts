import type { EventBus } from '../event/bus.ts'
import type { Event, EventType } from '../event/event.ts'
import { type Deployment, hasEnded } from './deployment.ts'
import type { Store } from './work.ts'

/** What a deployment is followed with. */
interface FollowParts {
  readonly store: Store
  readonly bus: EventBus
}

/** The events that each deployment has exactly one of, its last but for `deploy.rolled_back`. */
const endings: ReadonlySet<EventType> = new Set(['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'])

/** Resolves when a deployment that was read as `before` has ended. */
export async function untilEnded(before: Deployment, { bus }: FollowParts, signal?: AbortSignal): Promise<void> {
  if (hasEnded(before.state)) return
  const { id: deploymentId, tenantId } = before
  const filter = { after: 0, tenantId, deploymentId, types: [...endings] }
  for await (const event of bus.watch(filter, signal ?? new AbortController().signal)) {
    void event // because its being there says it all
    break
  }
}

/** The events of a deployment that was read as `before`, from the first to its end, as they happen. */
export async function* eventsOf(
  before: Deployment,
  { store, bus }: FollowParts,
  signal?: AbortSignal,
): AsyncGenerator<Event, void> {
  const { id: deploymentId, tenantId } = before
  // Its end may have been pruned from the log, and would be waited for in vain.
  if (hasEnded(before.state) && (await store.events.prunedTo()) > 0) return yield* toldSoFar(before, store)
  const filter = { after: 0, tenantId, deploymentId }
  for await (const event of bus.watch(filter, signal ?? new AbortController().signal)) {
    yield event
    if (endings.has(event.type)) return
  }
}

/** What the log still has of a deployment, up to its end. */
async function* toldSoFar({ id: deploymentId, tenantId }: Deployment, store: Store): AsyncGenerator<Event, void> {
  const limit = 100
  for (let after = 0, full = true; full; ) {
    const events = await store.events.read({ after, limit, tenantId, deploymentId })
    for (const event of events) {
      yield event
      if (endings.has(event.type)) return
    }
    after = events.at(-1)?.seq ?? after
    full = events.length === limit
  }
}
