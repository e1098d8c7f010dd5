import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import { SlipwayError } from '../errors.ts'
import type { Instance } from '../instance/instance.ts'
import type { CreateInstanceRequest, UpdateInstanceRequest } from '../instance/schema.ts'
import { unwire, wire } from '../wire.ts'
import { etagOf, ifMatch } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { accepted, pageAnswer } from './links.ts'
import { body, json, resource, route } from './route.ts'
import { acceptedSchema } from './schema/deployment.ts'
import { instanceItemSchema } from './schema/history.ts'
import {
  createdSchema,
  createInstanceBody,
  instanceQuery,
  oneInstanceSchema,
  serviceStatusSchema,
  summarySchema,
  updateInstanceBody,
} from './schema/instance.ts'
import { replicaSchema } from './schema/service.ts'
import { idParam, pageOf, tenantQuery } from './schema/shared.ts'

const one = { params: idParam, query: z.object(tenantQuery) }

const list = route('GET /v1/instances', {
  summary: 'Instances, newest first',
  request: { query: instanceQuery },
  responses: { 200: json('A page, with how each is', pageOf(instanceItemSchema)) },
})
const create = route('POST /v1/instances', {
  summary: 'Declare an instance and start its services',
  request: { query: one.query, body: body(createInstanceBody) },
  responses: { 202: json('It is being brought up', createdSchema) },
})
const summary = route('GET /v1/instances/summary', {
  summary: 'How many instances there are, and how many move',
  request: { query: one.query },
  responses: { 200: json('Counts', summarySchema) },
})
const get = route('GET /v1/instances/{id}', {
  summary: 'One instance',
  versioned: true,
  request: one,
  responses: { 200: json('The instance', oneInstanceSchema) },
})
const update = route('PATCH /v1/instances/{id}', {
  summary: 'Change name, hosts, exposed service or policies',
  request: { ...one, body: body(updateInstanceBody) },
  responses: { 200: json('As it is now', oneInstanceSchema) },
})
const remove = route('DELETE /v1/instances/{id}', {
  summary: 'Delete an instance and its data',
  request: {
    params: idParam,
    query: z.object({ ...tenantQuery, confirm: z.string().max(100).optional().meta({ description: 'Its name.' }) }),
  },
  responses: { 202: json('It is being deleted', acceptedSchema) },
})
const services = route('GET /v1/instances/{id}/services', {
  summary: 'Services with what is wanted of them and what there is',
  request: one,
  responses: { 200: json('All of them', z.object({ items: z.array(serviceStatusSchema) })) },
})
const replicas = route('GET /v1/instances/{id}/replicas', {
  summary: 'Replicas with their health',
  request: one,
  responses: { 200: json('All of them', z.object({ items: z.array(replicaSchema) })) },
})

/** Instances: what is declared, and what there is. */
export function instances(parts: ServerParts) {
  return resource()
    .openapi(list, async c => {
      const { status, q, release_id, limit, cursor } = c.req.valid('query')
      const page = await c.var.acting.history.instances(
        given({
          limit,
          cursor,
          statuses: status,
          name: q,
          releaseId: release_id,
        }),
      )
      return c.json(pageAnswer(c, parts, page), 200)
    })
    .openapi(summary, async c => c.json(wire(await c.var.acting.instances.summary()), 200))
    .openapi(create, async c => {
      const place = await c.var.acting.events.place()
      const request = unwire(c.req.valid('json')) as CreateInstanceRequest
      const { instance, deployment } = await c.var.acting.instances.create(request)
      c.header('Location', `${parts.basePath}/v1/instances/${instance.id}`)
      return c.json({ instance: wire(instance), deployment: wire(deployment), last_event_id: String(place) }, 202)
    })
    .openapi(get, async c => {
      const place = await c.var.acting.events.place()
      const instance = await c.var.acting.instances.get(c.req.valid('param').id)
      c.set('etag', versionOf(instance))
      return c.json({ ...wire(instance), last_event_id: String(place) }, 200)
    })
    .openapi(update, async c => {
      const check = ifMatch(c)
      const place = await c.var.acting.events.place()
      const { id } = c.req.valid('param')
      const change = unwire(c.req.valid('json')) as UpdateInstanceRequest
      const updated = await c.var.acting.instances.update(id, change, now => check(versionOf(now)))
      c.set('etag', versionOf(updated))
      return c.json({ ...wire(updated), last_event_id: String(place) }, 200)
    })
    .openapi(remove, async c => {
      const check = ifMatch(c)
      const place = await c.var.acting.events.place()
      const { confirm } = c.req.valid('query')
      const deployment = await c.var.acting.instances.delete(c.req.valid('param').id, now => {
        requireConfirmed(now, confirm)
        check(versionOf(now))
      })
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(services, async c => {
      const { instance, table, replicas } = await c.var.acting.status(c.req.valid('param').id)
      const items = instance.services.map(service => ({
        ...wire(service),
        rows: wire(table.filter(row => row.service === service.name)),
        running: wire(replicas.filter(replica => replica.service === service.name)),
      }))
      return c.json({ items }, 200)
    })
    .openapi(replicas, async c => {
      const status = await c.var.acting.status(c.req.valid('param').id)
      return c.json({ items: wire(status.replicas) }, 200)
    })
}

function versionOf(instance: Instance): string {
  return etagOf(wire(instance))
}

function requireConfirmed({ name }: Instance, confirm: string | undefined): void {
  if (confirm === name) return
  throw new SlipwayError('not_confirmed', 'A delete destroys data, so it is confirmed by the name of the instance.', {
    next: 'Send `?confirm=` with its name.',
  })
}
