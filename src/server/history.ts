import { z } from 'zod'
import { wire } from '../wire.ts'
import { json, resource, route } from './route.ts'
import { healthQuery, healthSchema, timelineSchema, trafficSchema } from './schema/history.ts'
import { idParam, tenantQuery } from './schema/shared.ts'

const one = { params: idParam, query: z.object(tenantQuery) }

const timeline = route('GET /v1/deployments/{id}/timeline', {
  summary: 'Where its time went: bars by service and phase, and what happened',
  request: one,
  responses: { 200: json('Lanes and marks', timelineSchema) },
})
const traffic = route('GET /v1/deployments/{id}/traffic', {
  summary: 'How its traffic was set and what each revision got, and what its checks found, over time',
  request: one,
  responses: { 200: json('By service and revision', trafficSchema) },
})
const health = route('GET /v1/instances/{id}/health', {
  summary: 'How an instance was, in buckets',
  request: { params: idParam, query: healthQuery },
  responses: { 200: json('The instance, and each of its services', healthSchema) },
})

/** What deployments and instances leave behind to look at. */
export function history() {
  return resource()
    .openapi(timeline, async c => c.json(wire(await c.var.acting.history.timeline(c.req.valid('param').id)), 200))
    .openapi(traffic, async c => c.json(wire(await c.var.acting.history.chart(c.req.valid('param').id)), 200))
    .openapi(health, async c => {
      const { window } = c.req.valid('query')
      const { id } = c.req.valid('param')
      return c.json(wire(await c.var.acting.history.health(id, window === undefined ? undefined : msOf(window))), 200)
    })
}

function msOf(window: string): number {
  return Number.parseInt(window, 10) * (window.endsWith('h') ? 3_600_000 : 60_000)
}
