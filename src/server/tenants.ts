import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import type { CreateTenantRequest, QuotaRequest, UpdateTenantRequest } from '../tenant/schema.ts'
import { unwire, wire } from '../wire.ts'
import { etagOf, ifMatch } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { pageAnswer } from './links.ts'
import { body, json, resource, route } from './route.ts'
import { idParam, pageOf, paging } from './schema/shared.ts'
import { createTenantBody, quotaBody, quotaUseSchema, tenantSchema, updateTenantBody } from './schema/tenant.ts'

const one = { params: idParam }

const list = route('GET /v1/tenants', {
  summary: 'Tenants that were created, newest first',
  request: { query: z.object(paging) },
  responses: { 200: json('A page', pageOf(tenantSchema)) },
})
const create = route('POST /v1/tenants', {
  summary: 'Create a tenant, or say more about one whose name is in use',
  request: { body: body(createTenantBody) },
  responses: { 201: json('The tenant', tenantSchema) },
})
const get = route('GET /v1/tenants/{id}', {
  summary: 'One tenant',
  versioned: true,
  request: one,
  responses: { 200: json('The tenant', tenantSchema) },
})
const update = route('PATCH /v1/tenants/{id}', {
  summary: 'Change its title; suspend it, or make it active again',
  request: { ...one, body: body(updateTenantBody) },
  responses: { 200: json('As it is now', tenantSchema) },
})
const remove = route('DELETE /v1/tenants/{id}', {
  summary: 'Delete a tenant that has no instances and no secrets',
  request: one,
  responses: { 200: json('As it is now', tenantSchema) },
})
const quota = route('GET /v1/tenants/{id}/quota', {
  summary: 'Its limits, and what it uses',
  versioned: true,
  request: one,
  responses: { 200: json('The quota', quotaUseSchema) },
})
const setQuota = route('PUT /v1/tenants/{id}/quota', {
  summary: 'Set all its limits',
  request: { ...one, body: body(quotaBody) },
  responses: { 200: json('The quota', quotaUseSchema) },
})

/** Tenants and what they may have, for operators. */
export function tenants(parts: ServerParts) {
  return resource()
    .openapi(list, async c => {
      const { limit, cursor } = c.req.valid('query')
      return c.json(pageAnswer(c, parts, await c.var.acting.tenants.list(given({ limit, cursor }))), 200)
    })
    .openapi(create, async c => {
      const tenant = await c.var.acting.tenants.create(unwire(c.req.valid('json')) as CreateTenantRequest)
      c.header('Location', `${parts.basePath}/v1/tenants/${tenant.id}`)
      return c.json(wire(tenant), 201)
    })
    .openapi(get, async c => {
      const tenant = await c.var.acting.tenants.get(c.req.valid('param').id)
      c.set('etag', etagOf(tenant))
      return c.json(wire(tenant), 200)
    })
    .openapi(update, async c => {
      const check = ifMatch(c)
      const change = unwire(c.req.valid('json')) as UpdateTenantRequest
      const tenant = await c.var.acting.tenants.update(c.req.valid('param').id, change, now => check(etagOf(now)))
      c.set('etag', etagOf(tenant))
      return c.json(wire(tenant), 200)
    })
    .openapi(remove, async c => {
      const check = ifMatch(c)
      const tenant = await c.var.acting.tenants.delete(c.req.valid('param').id, now => check(etagOf(now)))
      c.set('etag', etagOf(tenant))
      return c.json(wire(tenant), 200)
    })
    .openapi(quota, async c => {
      const use = await c.var.acting.tenants.quota(c.req.valid('param').id)
      c.set('etag', etagOf(use.limits)) // what is used changes with every deployment, and is no version
      return c.json(wire(use), 200)
    })
    .openapi(setQuota, async c => {
      const check = ifMatch(c)
      const limits = unwire(c.req.valid('json')) as QuotaRequest
      const use = await c.var.acting.tenants.setQuota(c.req.valid('param').id, limits, now => check(etagOf(now.quota)))
      c.set('etag', etagOf(use.limits))
      return c.json(wire(use), 200)
    })
}
