import type { Context } from 'hono'
import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import { isSlipwayError } from '../errors.ts'
import { wire } from '../wire.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { EventReader } from './event-reader.ts'
import { callerOf } from './guard.ts'
import { eventStreamOf } from './outlet.ts'
import { json, resource, route } from './route.ts'
import { eventPageSchema, eventStreamQuery, eventsQuery, place } from './schema/event.ts'

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
      const { events } = c.var.acting
      const filter = await events.filter(scope)
      const head = (): Promise<number> => events.place()
      const place = from === undefined ? await head() : Number(from)
      const end = ending(c, parts)
      const ended = parts.slipway.metrics?.server.listening('events')
      const reader = new EventReader(filter, place, {
        readers: parts.readers,
        bus: parts.slipway.bus,
        reaches: events.reaches,
        head,
        beatMs: parts.beatMs,
        allowed: stillAllowed(c, parts),
        ended(why) {
          end.abort()
          ended?.(why)
        },
      })
      end.signal.addEventListener('abort', () => reader.dismiss(), { once: true })
      if (end.signal.aborted) reader.dismiss()
      return eventStreamOf(c, reader)
    })
}

/** Ends with the request and with the server. Throws `rate_limited` for a caller who has too many streams open. */
export function ending(c: Context<ServerEnv>, { closing, streams }: ServerParts): AbortController {
  const end = new AbortController()
  streams.take(callerOf(c.var.claims), end.signal)
  const stop = (): void => end.abort()
  for (const signal of [c.req.raw.signal, closing]) {
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true, signal: end.signal })
  }
  return end
}

/** Whether the token that a stream was opened with is still good. */
export function stillAllowed(c: Context<ServerEnv>, { slipway }: ServerParts): () => Promise<boolean> {
  const { token, remoteAddress } = c.var
  return async () => {
    try {
      await slipway.auth.authenticate(token, { remoteAddress })
      return true
    } catch (error) {
      // A store that does not answer right now says nothing about the token.
      return !isSlipwayError(error, 'unauthenticated')
    }
  }
}
