import { z } from 'zod'
import { deliveryStates } from '../../event/webhook.ts'
import {
  createWebhookSchema,
  replayWebhookSchema,
  rotateWebhookSchema,
  updateWebhookSchema,
} from '../../event/webhook-schema.ts'
import { wireSchema } from '../wire-schema.ts'
import { eventSchema } from './event.ts'
import { paging, severalOf, tenantQuery, time } from './shared.ts'

export const webhookSchema = z
  .object({
    id: z.string(),
    created_at: time,
    updated_at: time,
    tenant_id: z.string(),
    url: z.string(),
    description: z.string().optional(),
    types: z.array(z.string()).optional().meta({ description: 'Types of event, or `deploy.*`. Absent: all.' }),
    instances: z.array(z.string()).optional(),
    enabled: z.boolean(),
    disabled: z
      .object({ code: z.enum(['by_request', 'gone']), text: z.string(), since: time })
      .optional()
      .meta({ description: 'Why it is not enabled: someone said so, or its receiver answered 410.' }),
    secret_versions: z
      .array(z.object({ version: z.number().int(), until: time.optional() }))
      .meta({ description: 'What requests are signed with, the newest last.' }),
  })
  .meta({ id: 'Webhook' })

export const issuedWebhookSchema = webhookSchema
  .extend({ secret: z.string().meta({ description: '`whsec_…`, shown this once.' }) })
  .meta({ id: 'IssuedWebhook' })

const attemptSchema = z
  .object({
    at: time,
    duration_ms: z.number().int(),
    status: z.number().int().optional(),
    error: z.string().optional(),
    answer: z.string().optional().meta({ description: 'The first of what was answered, secrets masked.' }),
  })
  .meta({ id: 'DeliveryAttempt' })

export const deliverySchema = z
  .object({
    id: z.string(),
    webhook_id: z.string(),
    tenant_id: z.string(),
    created_at: time,
    event_id: z.string().meta({ description: 'What the receiver is told as `webhook-id`.' }),
    event_seq: z.number().int(),
    event_type: z.string(),
    instance_id: z.string().optional(),
    state: z.enum(deliveryStates),
    attempt_count: z.number().int(),
    last_attempt: attemptSchema.optional(),
    next_at: time.optional().meta({
      description: 'When it is tried next. Absent once it has ended, and while an earlier one of its instance has not.',
    }),
    ended_at: time.optional(),
    replay_of: z.string().optional(),
  })
  .meta({ id: 'Delivery' })

export const oneDeliverySchema = deliverySchema
  .extend({
    attempts: z.array(attemptSchema).meta({ description: 'The last ones, oldest first.' }),
    event: eventSchema.meta({ description: 'What is sent.' }),
  })
  .meta({ id: 'OneDelivery' })

export const deliveriesQuery = z.object({ ...paging, ...tenantQuery, state: severalOf(deliveryStates).optional() })

export const createWebhookBody = wireSchema(createWebhookSchema).meta({ id: 'CreateWebhook' })
export const updateWebhookBody = wireSchema(updateWebhookSchema).meta({ id: 'UpdateWebhook' })
export const rotateWebhookBody = wireSchema(rotateWebhookSchema).meta({ id: 'RotateWebhook' })
export const replayWebhookBody = wireSchema(replayWebhookSchema).meta({ id: 'ReplayWebhook' })
