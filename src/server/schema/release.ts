import { z } from 'zod'
import { snapshotSchema } from './service.ts'
import { time } from './shared.ts'

export const releaseSchema = z
  .object({
    id: z.string(),
    created_at: time,
    updated_at: time,
    tenant_id: z.string(),
    instance_id: z.string(),
    version: z.number().int(),
    services: z.array(snapshotSchema),
    notes: z.string().optional(),
    commit_sha: z.string().optional(),
    active: z.boolean(),
    sealed_at: time.optional(),
    activated_at: time.optional(),
  })
  .meta({ id: 'Release' })
