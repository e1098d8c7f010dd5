import { z } from 'zod'
import { typePatterns } from './webhook-types.ts'

const fields = {
  /** Where events are sent: https, and a public address, unless the server is set up otherwise. */
  url: z
    .string()
    .max(2048)
    .refine(
      url => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol),
      'must be a URL that begins with https://',
    ),
  description: z
    .string()
    .max(500)
    .refine(value => !value.includes('\0') && value.isWellFormed(), 'must be text'),
  /** Types of event, or all of a family: `deploy.*`. */
  types: z
    .array(z.enum(typePatterns as [string, ...string[]], 'must be a type of event, or all of a family: deploy.*'))
    .min(1)
    .max(100),
  /** Ids of the instances whose events are wanted. */
  instances: z
    .array(z.string().regex(/^inst_[0-9a-z]{26}$/, 'must be the id of an instance'))
    .min(1)
    .max(100),
}

/** A new webhook. Without types and instances: everything that happens to the tenant. */
export const createWebhookSchema = z.strictObject({
  url: fields.url,
  description: fields.description.optional(),
  types: fields.types.optional(),
  instances: fields.instances.optional(),
})

/** What is changed of a webhook; `null` takes a field away. */
export const updateWebhookSchema = z.strictObject({
  url: fields.url.optional(),
  description: fields.description.nullable().optional(),
  types: fields.types.nullable().optional(),
  instances: fields.instances.nullable().optional(),
  /** One that is enabled again is told of what happens from then on. */
  enabled: z.boolean().optional(),
})

/** What is asked of a rotation. */
export const rotateWebhookSchema = z.strictObject({
  /** How long requests are signed with the secrets before as well. Default a day; 0: not at all. */
  overlapSeconds: z
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3600)
    .optional(),
})

/** What is asked of a replay of everything. */
export const replayWebhookSchema = z.strictObject({
  /** Events from this moment on. */
  since: z.iso.datetime(),
})

export type CreateWebhookRequest = z.input<typeof createWebhookSchema>
export type UpdateWebhookRequest = z.input<typeof updateWebhookSchema>
export type RotateWebhookRequest = z.input<typeof rotateWebhookSchema>
export type ReplayWebhookRequest = z.input<typeof replayWebhookSchema>

/** How long old secrets are used beside a new one. */
export const webhookDefaults = { overlapSeconds: 24 * 3600 } as const
