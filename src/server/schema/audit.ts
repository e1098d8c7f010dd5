import { z } from 'zod'
import { auditActions } from '../../audit/entry.ts'
import { anything, paging, severalOf, tenantQuery, time } from './shared.ts'

/** One change that a caller made. */
export const auditEntrySchema = z
  .object({
    id: z.string(),
    created_at: time,
    tenant_id: z.string(),
    actor: z.string().meta({ description: 'The subject that did it.' }),
    token_id: z.string().optional().meta({ description: 'The token that proved who it was.' }),
    operator: z.boolean().optional().meta({ description: 'It was an operator, acting for the tenant.' }),
    origin: z
      .object({
        via: z.string(),
        request_id: z.string().optional(),
        address: z.string().optional(),
        user_agent: z.string().optional(),
      })
      .optional(),
    action: z.enum(auditActions),
    object: z.object({ kind: z.string(), id: z.string(), name: z.string().optional() }),
    instance_id: z.string().optional(),
    before: anything.optional().meta({ description: 'What of it was so before, as far as it was changed.' }),
    after: anything.optional(),
  })
  .meta({ id: 'AuditEntry' })

/** Which entries are asked for. */
export const auditFilter = {
  actor: z.string().max(200).optional(),
  action: severalOf(auditActions).optional(),
  object: z.string().max(200).optional().meta({ description: 'The id of what was changed.' }),
  instance_id: z.string().max(100).optional(),
  since: time.optional().meta({ description: 'Not before; RFC 3339, UTC.' }),
  until: time.optional().meta({ description: 'Before; RFC 3339, UTC.' }),
}

export const auditQuery = z.object({ ...auditFilter, ...paging, ...tenantQuery })

export const auditExportQuery = z.object({
  ...auditFilter,
  ...tenantQuery,
  format: z.enum(['ndjson', 'csv']).optional().meta({ description: 'Default ndjson.' }),
})
