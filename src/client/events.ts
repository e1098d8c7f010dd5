import type { Call } from './call.ts'
import type { CallOptions, FollowOptions } from './options.ts'
import type { Stream } from './stream.ts'
import type { Event, EventPage, EventQuery, EventStreamQuery } from './types.ts'

/** In place of events that can't be told any more: read the state anew. What comes after it follows on from `last_event_id`. */
export interface Reset {
  readonly type: 'reset'
  readonly last_event_id: string
}

/** The one log of events. */
export interface EventsClient {
  /** One page of it, after a place. */
  page(query?: EventQuery, options?: CallOptions): Promise<EventPage>
  /**
   * Follows the log from a place (`after`; default: from now on) until the signal is aborted. It is connected again by itself, nothing is
   * missed, and nothing comes twice; where the log does not reach back far enough, a {@link Reset} says so.
   *
   * @throws SlipwayApiError when it is refused, SlipwayConnectionError when the server stays away for `reconnectMs`
   */
  follow(query?: EventStreamQuery, options?: FollowOptions): AsyncGenerator<Event | Reset, void>
}

/** The events of a server. */
export function events(call: Call, stream: Stream): EventsClient {
  return {
    page: (query, options) => call('GET /v1/events', { query, options }),
    follow: (query, options) => follow(stream, query, options),
  }
}

async function* follow(
  stream: Stream,
  query: EventStreamQuery = {},
  options: FollowOptions = {},
): AsyncGenerator<Event | Reset, void> {
  let seen = Number(query.after ?? 0)
  for await (const told of stream('GET /v1/events/stream', { query, options })) {
    if (told.kind === 'reopened') continue
    if (told.event === 'reset') {
      const { last_event_id } = told.data as Omit<Reset, 'type'>
      seen = Number(last_event_id)
      yield { type: 'reset', last_event_id }
      continue
    }
    const event = told.data as Event
    if (event.seq <= seen) continue
    seen = event.seq
    yield event
  }
}
