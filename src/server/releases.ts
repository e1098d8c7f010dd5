import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import { wire } from '../wire.ts'
import { etagOf } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { pageAnswer } from './links.ts'
import { json, resource, route } from './route.ts'
import { trackedReleaseSchema } from './schema/history.ts'
import { releaseSchema } from './schema/release.ts'
import { differenceSchema } from './schema/service.ts'
import { idParam, pageOf, paging, tenantQuery } from './schema/shared.ts'

const list = route('GET /v1/instances/{id}/releases', {
  summary: 'Releases of an instance, newest first',
  request: { params: idParam, query: z.object({ ...paging, ...tenantQuery }) },
  responses: { 200: json('A page, with what became of each', pageOf(trackedReleaseSchema)) },
})
const get = route('GET /v1/releases/{id}', {
  summary: 'One release',
  versioned: true,
  request: { params: idParam, query: z.object(tenantQuery) },
  responses: { 200: json('The release', releaseSchema) },
})
const diff = route('GET /v1/releases/{id}/diff/{other}', {
  summary: 'What differs between two releases of one instance',
  request: { params: idParam.extend({ other: z.string().min(1).max(100) }), query: z.object(tenantQuery) },
  responses: { 200: json('From the first to the second', z.object({ items: z.array(differenceSchema) })) },
})

/** Releases: the history of an instance. */
export function releases(parts: ServerParts) {
  return resource()
    .openapi(list, async c => {
      const { limit, cursor } = c.req.valid('query')
      const page = await c.var.acting.history.releases(c.req.valid('param').id, given({ limit, cursor }))
      return c.json(pageAnswer(c, parts, page), 200)
    })
    .openapi(get, async c => {
      const release = wire(await c.var.acting.getRelease(c.req.valid('param').id))
      c.set('etag', etagOf(release))
      return c.json(release, 200)
    })
    .openapi(diff, async c => {
      const { id, other } = c.req.valid('param')
      return c.json({ items: wire(await c.var.acting.diff(id, other)) }, 200)
    })
}
