import { z } from 'zod'
import type { ServerParts } from './context.ts'
import { accepted } from './links.ts'
import { json, optionalBody, resource, route } from './route.ts'
import { acceptedSchema, promoteBody } from './schema/deployment.ts'
import { idParam, tenantQuery } from './schema/shared.ts'

const one = { params: idParam, query: z.object(tenantQuery) }
const asked = { 202: json('It was told so', acceptedSchema) }

const promote = route('POST /v1/deployments/{id}/promote', {
  summary: 'Release a pause of the plan',
  request: { ...one, body: optionalBody(promoteBody) },
  responses: asked,
})
const pause = route('POST /v1/deployments/{id}/pause', {
  summary: 'Wait after the current step',
  request: one,
  responses: asked,
})
const resume = route('POST /v1/deployments/{id}/resume', {
  summary: 'Release a pause that someone asked for',
  request: one,
  responses: asked,
})
const cancel = route('POST /v1/deployments/{id}/cancel', {
  summary: 'Stop it, and bring back what served before',
  request: one,
  responses: asked,
})
const retry = route('POST /v1/deployments/{id}/retry', {
  summary: 'A new deployment of the same request',
  request: one,
  responses: { 202: json('The new one', acceptedSchema) },
})

/** What is asked of a deployment that there is. */
export function asks(parts: ServerParts) {
  return resource()
    .openapi(promote, async c => {
      const place = await c.var.acting.events.place()
      const deployment = await c.var.acting.promote(c.req.valid('param').id, c.req.valid('json').gate)
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(pause, async c => {
      const place = await c.var.acting.events.place()
      return c.json(accepted(c, parts, await c.var.acting.pause(c.req.valid('param').id), place), 202)
    })
    .openapi(resume, async c => {
      const place = await c.var.acting.events.place()
      return c.json(accepted(c, parts, await c.var.acting.resume(c.req.valid('param').id), place), 202)
    })
    .openapi(cancel, async c => {
      const place = await c.var.acting.events.place()
      return c.json(accepted(c, parts, await c.var.acting.cancel(c.req.valid('param').id), place), 202)
    })
    .openapi(retry, async c => {
      const place = await c.var.acting.events.place()
      return c.json(accepted(c, parts, await c.var.acting.retry(c.req.valid('param').id), place), 202)
    })
}
