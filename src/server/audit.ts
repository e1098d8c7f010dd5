import { stream } from 'hono/streaming'
import { csvLine } from '../audit/csv.ts'
import type { AuditEntry, AuditFilter } from '../audit/entry.ts'
import { given } from '../deploy/schema.ts'
import { wire } from '../wire.ts'
import type { ServerParts } from './context.ts'
import { pageAnswer } from './links.ts'
import { json, resource, route } from './route.ts'
import { auditEntrySchema, auditExportQuery, auditQuery } from './schema/audit.ts'
import { pageOf } from './schema/shared.ts'

const list = route('GET /v1/audit', {
  summary: 'What callers did, newest first',
  request: { query: auditQuery },
  responses: { 200: json('A page', pageOf(auditEntrySchema)) },
})
const download = route('GET /v1/audit/export', {
  summary: 'All of it in one file, newest first',
  request: { query: auditExportQuery },
  responses: {
    200: {
      description: 'An entry a line',
      content: { 'application/x-ndjson': { schema: auditEntrySchema }, 'text/csv': { schema: { type: 'string' } } },
    },
  },
})

/** Who did what, when, and from where. */
export function audit(parts: ServerParts) {
  return resource()
    .openapi(list, async c => {
      const { limit, cursor, tenant, ...asked } = c.req.valid('query')
      void tenant // the guard has chosen it
      const page = await c.var.acting.audit.list({ ...given({ limit, cursor }), ...filterOf(asked) })
      return c.json(pageAnswer(c, parts, page), 200)
    })
    .openapi(download, async c => {
      const { format = 'ndjson', tenant, ...asked } = c.req.valid('query')
      void tenant // the guard has chosen it
      const entries = c.var.acting.audit.all(filterOf(asked))[Symbol.asyncIterator]()
      // What is refused is refused before the first line is sent.
      let next = await entries.next()
      c.header('Content-Type', format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
      c.header('Content-Disposition', `attachment; filename="audit.${format}"`)
      return stream(c, async out => {
        if (format === 'csv') await out.write(csvLine(columns.map(([name]) => name)))
        for (; !next.done && !out.aborted; next = await entries.next()) {
          await out.write(format === 'csv' ? csvOf(next.value) : `${JSON.stringify(wire(next.value))}\n`)
        }
      })
    })
}

function filterOf(asked: {
  actor?: string | undefined
  action?: AuditFilter['actions'] | undefined
  object?: string | undefined
  instance_id?: string | undefined
  since?: string | undefined
  until?: string | undefined
}): AuditFilter {
  const { actor, action, object, instance_id, since, until } = asked
  return given({ actor, actions: action, objectId: object, instanceId: instance_id, since, until })
}

/** The columns of the export: what a person sorts and searches by first. */
const columns: readonly (readonly [string, (entry: AuditEntry) => string | undefined])[] = [
  ['created_at', entry => entry.createdAt],
  ['tenant_id', entry => entry.tenantId],
  ['actor', entry => entry.actor],
  ['action', entry => entry.action],
  ['object_kind', entry => entry.object.kind],
  ['object_id', entry => entry.object.id],
  ['object_name', entry => entry.object.name],
  ['instance_id', entry => entry.instanceId],
  ['via', entry => entry.origin?.via],
  ['address', entry => entry.origin?.address],
  ['request_id', entry => entry.origin?.requestId],
  ['token_id', entry => entry.tokenId],
  ['before', entry => entry.before && JSON.stringify(wire(entry.before))],
  ['after', entry => entry.after && JSON.stringify(wire(entry.after))],
  ['id', entry => entry.id],
]

function csvOf(entry: AuditEntry): string {
  return csvLine(columns.map(([, cell]) => cell(entry)))
}
