import { z } from 'zod'
import { nameSchema } from '../instance/schema.ts'

const limit = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters')

/** What a tenant may have at once; what is left out is not limited. */
export const quotaSchema = z.strictObject({
  instances: limit.optional(),
  replicas: limit.optional(),
  deployments: limit.optional(),
  memoryBytes: limit.optional(),
})

/** A new tenant, or more about one whose name is in use already. */
export const createTenantSchema = z.strictObject({
  id: nameSchema,
  title: text(200).optional(),
  quota: quotaSchema.optional(),
})

/** What may be updated of a tenant; its quota is set by itself. */
export const updateTenantSchema = z.strictObject({
  title: text(200).nullable().optional(),
  state: z.enum(['active', 'suspended']).optional(),
  /** Why it is suspended; goes when it is active again. */
  reason: text(500).optional(),
})

export type CreateTenantRequest = z.input<typeof createTenantSchema>
export type UpdateTenantRequest = z.input<typeof updateTenantSchema>
export type QuotaRequest = z.input<typeof quotaSchema>
