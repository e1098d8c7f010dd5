import { z } from 'zod'
import { wire } from '../wire.ts'
import type { ServerParts } from './context.ts'
import { accepted } from './links.ts'
import { body, json, optionalBody, resource, route } from './route.ts'
import { acceptedSchema } from './schema/deployment.ts'
import { adoptedSchema, restartBody, scaleBody } from './schema/instance.ts'
import { idParam, tenantQuery } from './schema/shared.ts'

const one = { params: idParam, query: z.object(tenantQuery) }
const queued = { 202: json('It waits for its turn', acceptedSchema) }

const scale = route('POST /v1/instances/{id}/scale', {
  summary: 'Change replica counts',
  request: { ...one, body: body(scaleBody) },
  responses: queued,
})
const restart = route('POST /v1/instances/{id}/restart', {
  summary: 'Replace replicas by new ones of the same revision',
  request: { ...one, body: optionalBody(restartBody) },
  responses: queued,
})
const stop = route('POST /v1/instances/{id}/stop', {
  summary: 'Take everything down; the declaration stays',
  request: one,
  responses: queued,
})
const start = route('POST /v1/instances/{id}/start', {
  summary: 'Bring a stopped instance up again',
  request: one,
  responses: queued,
})
const adopt = route('POST /v1/instances/{id}/adopt', {
  summary: 'Somebody has looked at an instance that needs attention: what is stored of it is what is wanted again',
  request: one,
  responses: { 200: json('It is brought to its table', adoptedSchema) },
})

/** What is done to an instance as a whole. */
export function operations(parts: ServerParts) {
  return resource()
    .openapi(scale, async c => {
      const { instances, events } = c.var.acting
      const place = await events.place()
      const deployment = await instances.scale(c.req.valid('param').id, c.req.valid('json').replicas)
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(restart, async c => {
      const { instances, events } = c.var.acting
      const place = await events.place()
      const deployment = await instances.restart(c.req.valid('param').id, c.req.valid('json').services)
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(stop, async c => {
      const { instances, events } = c.var.acting
      const place = await events.place()
      return c.json(accepted(c, parts, await instances.stop(c.req.valid('param').id), place), 202)
    })
    .openapi(start, async c => {
      const { instances, events } = c.var.acting
      const place = await events.place()
      return c.json(accepted(c, parts, await instances.start(c.req.valid('param').id), place), 202)
    })
    .openapi(adopt, async c => {
      const { instances, events } = c.var.acting
      const place = await events.place()
      const adopted = await instances.adopt(c.req.valid('param').id)
      return c.json({ ...wire(adopted), last_event_id: String(place) }, 200)
    })
}
