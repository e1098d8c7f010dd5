import { z } from 'zod'
import { createTokenSchema, rotateTokenSchema } from '../../auth/token-service.ts'
import { wireSchema } from '../wire-schema.ts'
import { time } from './shared.ts'
import { quotaPreviewSchema } from './tenant.ts'

const scope = z.enum(['read', 'deploy', 'admin'])

export const tokenSchema = z
  .object({
    id: z.string(),
    created_at: time,
    tenant_id: z.string(),
    name: z.string(),
    scopes: z.array(scope),
    instances: z.array(z.string()).optional(),
    allowed_ips: z.array(z.string()).optional(),
    created_by: z.string(),
    expires_at: time,
    last_used_at: time.optional(),
    rotated_at: time.optional(),
    revoked_at: time.optional(),
  })
  .meta({ id: 'Token' })

export const issuedSchema = tokenSchema
  .extend({ secret: z.string().meta({ description: 'Shown this once.' }) })
  .meta({ id: 'IssuedToken' })

export const whoamiSchema = z
  .object({
    tenant_id: z.string(),
    subject: z.string(),
    scopes: z.array(scope),
    instances: z.array(z.string()).optional(),
    operator: z.boolean().optional(),
    token_id: z.string().optional(),
    server_version: z.string().optional().meta({ description: 'The version of Slipway that answers.' }),
    issuer: z.string().optional().meta({ description: 'Who vouched for it, when no token of ours did.' }),
    tenant: z
      .object({
        state: z.enum(['active', 'suspended', 'deleted']),
        title: z.string().optional(),
        quota: quotaPreviewSchema,
      })
      .optional()
      .meta({ description: 'More about the tenant, when it was created by an operator.' }),
  })
  .meta({ id: 'Whoami' })

export const createTokenBody = wireSchema(createTokenSchema).meta({ id: 'CreateToken' })
export const rotateTokenBody = wireSchema(rotateTokenSchema).meta({ id: 'RotateToken' })
