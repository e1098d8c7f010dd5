import type { Context } from 'hono'
import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import { isSlipwayError } from '../errors.ts'
import type { Event } from '../event/event.ts'
import type { EventScope } from '../event/service.ts'
import type { Acting } from '../slipway.ts'
import { wire } from '../wire.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { json, resource, route } from './route.ts'
import { eventPageSchema, eventStreamQuery, eventsQuery, place } from './schema/event.ts'
import { type Frame, streamed } from './stream.ts'

/** A reader so far behind is better off reading the state anew. */
const mostBehind = 10_000
/** A reader that took so long for one event may be behind. */
const slowMs = 5_000

const pages = route('GET /v1/events', {
  summary: 'Events in their order, by pages',
  request: { query: eventsQuery },
  responses: { 200: json('Those after a place', eventPageSchema) },
})
const stream = route('GET /v1/events/stream', {
  summary: 'Events as they happen, as server-sent events; `event: reset` means: read the state anew',
  request: { query: eventStreamQuery, headers: z.object({ 'last-event-id': place.optional() }) },
  responses: { 200: { description: 'A stream', content: { 'text/event-stream': { schema: z.string() } } } },
})

/** The one log of events, by pages and as a stream. */
export function events(parts: ServerParts) {
  return resource()
    .openapi(pages, async c => {
      const { after = '0', limit = 100, type, instance_id, deployment_id } = c.req.valid('query')
      const { events } = c.var.acting
      const head = await events.place()
      const scope = given({ types: type, instanceId: instance_id, deploymentId: deployment_id })
      const items = await events.read({ ...scope, after: Number(after), limit })
      // What the filter left out up to the head need not be looked through again.
      const last = items.length < limit ? Math.max(head, items.at(-1)?.seq ?? 0) : (items.at(-1)?.seq ?? head)
      const reset = after !== '0' && !(await events.reaches(Number(after)))
      return c.json(
        { items: wire(items), last_event_id: String(last), ...(reset ? { reset: true as const } : {}) },
        200,
      )
    })
    .openapi(stream, async c => {
      const { after: asked, type, instance_id, deployment_id } = c.req.valid('query')
      const from = c.req.valid('header')['last-event-id'] ?? asked
      const scope = given({ types: type, instanceId: instance_id, deploymentId: deployment_id })
      const end = ending(c, parts)
      const after = from === undefined ? await c.var.acting.events.place() : Number(from)
      const frames = await follow(c.var.acting, scope, after, end.signal)
      return streamed(c, frames, {
        beatMs: parts.beatMs,
        end,
        place: String(after),
        allowed: stillAllowed(c, parts),
      })
    })
}

/** Ends with the request and with the server. */
export function ending(c: Context<ServerEnv>, { closing }: ServerParts): AbortController {
  const end = new AbortController()
  const stop = (): void => end.abort()
  for (const signal of [c.req.raw.signal, closing]) {
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true, signal: end.signal })
  }
  return end
}

/** Whether the token that a stream was opened with is still good. */
export function stillAllowed(c: Context<ServerEnv>, { slipway }: ServerParts): () => Promise<boolean> {
  const { token } = c.var
  return async () => {
    try {
      await slipway.auth.authenticate(token)
      return true
    } catch (error) {
      // A store that does not answer right now says nothing about the token.
      return !isSlipwayError(error, 'unauthenticated')
    }
  }
}

async function follow(
  { events }: Acting,
  scope: EventScope,
  after: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Frame>> {
  if (!(await events.reaches(after))) return resetAt(await events.place())
  const watched = await events.watch({ ...scope, after }, signal)
  return frames(watched, events)
}

async function* frames(watched: AsyncIterable<Event>, events: Acting['events']): AsyncGenerator<Frame, void> {
  try {
    for await (const event of watched) {
      const given = performance.now()
      yield frameOf(event)
      if (performance.now() - given < slowMs) continue
      const head = await events.place()
      if (head - event.seq <= mostBehind) continue
      yield* resetAt(head)
      return
    }
  } catch (error) {
    // It was pruned while its reader was slow: what is missing can't be told any more.
    if (!isSlipwayError(error, 'events_gone')) throw error
    yield* resetAt(await events.place())
  }
}

/** The same event is the same message for everyone who is told of it. */
const told = new WeakMap<Event, Frame>()

function frameOf(event: Event): Frame {
  const known = told.get(event)
  if (known) return known
  const frame = { id: String(event.seq), data: wire(event) }
  told.set(event, frame)
  return frame
}

async function* resetAt(head: number): AsyncGenerator<Frame, void> {
  yield { id: String(head), event: 'reset', data: { last_event_id: String(head) } }
}
