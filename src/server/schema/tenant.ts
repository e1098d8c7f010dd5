import { z } from 'zod'
import { createTenantSchema, quotaSchema, updateTenantSchema } from '../../tenant/schema.ts'
import { wireSchema } from '../wire-schema.ts'
import { time } from './shared.ts'

const limits = {
  instances: z.number().int().meta({ description: 'Living instances, stopped ones included.' }),
  replicas: z.number().int().meta({ description: 'Declared replicas, stopped ones and scales under way included.' }),
  deployments: z.number().int().meta({ description: 'Deployments that run or wait.' }),
  memory_bytes: z.number().int().meta({ description: 'Memory that replicas declare.' }),
}
const quotaLimits = z.object(limits).partial().meta({ id: 'Quota', description: 'What is left out is not limited.' })

export const tenantSchema = z
  .object({
    id: z.string(),
    created_at: time,
    updated_at: time,
    title: z.string().optional(),
    state: z.enum(['active', 'suspended', 'deleted']),
    reason: z.string().optional(),
    quota: quotaLimits,
    created_by: z.string(),
  })
  .meta({ id: 'Tenant' })

export const quotaUseSchema = z.object({ limits: quotaLimits, used: z.object(limits) }).meta({ id: 'QuotaUse' })

const limitUse = z
  .object({
    used: z.number().int(),
    limit: z.number().int(),
    wanted: z.number().int().meta({ description: 'What would be used afterwards.' }),
    exceeded: z.boolean().meta({ description: 'It would be refused.' }),
  })
  .meta({ id: 'LimitUse' })

/** Each limit of a tenant with how it stands. */
export const quotaPreviewSchema = z
  .object({ instances: limitUse, replicas: limitUse, deployments: limitUse, memory_bytes: limitUse })
  .partial()
  .meta({ id: 'QuotaPreview', description: 'By what is limited; what is not limited is left out.' })

export const createTenantBody = wireSchema(createTenantSchema).meta({ id: 'CreateTenant' })
export const updateTenantBody = wireSchema(updateTenantSchema).meta({ id: 'UpdateTenant' })
export const quotaBody = wireSchema(quotaSchema).meta({
  id: 'SetQuota',
  description: 'What is left out is not limited.',
})
