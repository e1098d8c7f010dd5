import type { Call } from './call.ts'
import type { EventsClient, Reset } from './events.ts'
import type { CallOptions, FollowOptions } from './options.ts'
import type { Event, OneDeployment } from './types.ts'

/** A deployment to watch: its id, or what was answered to the request that made or read it, which knows from where on. */
export type Watched =
  | string
  | { readonly id: string; readonly last_event_id?: string }
  | { readonly deployment: { readonly id: string }; readonly last_event_id: string }

/** How a deployment is watched. */
export interface WatchOptions extends FollowOptions {
  /** From this place on; `0` tells all that is still in the log. Default: from where it was asked for or read, by an id from now on. */
  readonly after?: string
}

/** In place of events of a deployment that can't be told any more: how it is now. */
export interface WatchReset extends Reset {
  readonly deployment: OneDeployment
}

/** What happens to a deployment, up to its end. */
export async function* watch(
  call: Call,
  events: EventsClient,
  of: Watched,
  { after: given, ...options }: WatchOptions = {},
): AsyncGenerator<Event | WatchReset, void> {
  const id = idOf(of)
  const read = () => call('GET /v1/deployments/{id}', { path: { id }, options })
  const now = await read()
  const after = given ?? (typeof of === 'string' ? undefined : of.last_event_id) ?? now.last_event_id
  // Of one that has ended nothing more comes: what it left in the log is all there is.
  const told = hasEnded(now) ? past(events, id, after, options) : events.follow({ deployment_id: id, after }, options)
  for await (const event of told) {
    if (event.type !== 'reset') {
      yield event
      if (endings.has(event.type)) return
      continue
    }
    const deployment = await read()
    yield { ...event, deployment }
    if (hasEnded(deployment)) return
  }
}

/** The id of what is watched. */
export function idOf(of: Watched): string {
  if (typeof of === 'string') return of
  return 'deployment' in of ? of.deployment.id : of.id
}

async function* past(
  events: EventsClient,
  id: string,
  from: string,
  options: CallOptions,
): AsyncGenerator<Event | Reset, void> {
  let after = from
  for (;;) {
    const page = await events.page({ deployment_id: id, after, limit: 200 }, options)
    if (page.reset) yield { type: 'reset', last_event_id: page.last_event_id }
    yield* page.items
    if (page.items.length === 0) return
    after = page.last_event_id
  }
}

const endings: ReadonlySet<string> = new Set(['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'])

function hasEnded({ state }: Pick<OneDeployment, 'state'>): boolean {
  return state !== 'pending' && state !== 'running'
}
