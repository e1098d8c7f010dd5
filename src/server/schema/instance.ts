import { z } from 'zod'
import { createInstanceSchema, replicasSchema, updateInstanceSchema } from '../../instance/schema.ts'
import { wireSchema } from '../wire-schema.ts'
import { deploymentSchema } from './deployment.ts'
import { declaredServiceSchema, replicaSchema, rowSchema } from './service.ts'
import { lastEventId, paging, severalOf, tenantQuery, texts, time } from './shared.ts'

export const instanceStates = [
  'provisioning',
  'running',
  'failed',
  'stopping',
  'stopped',
  'starting',
  'deleting',
  'deleted',
] as const

export const instanceSchema = z
  .object({
    id: z.string(),
    created_at: time,
    updated_at: time,
    tenant_id: z.string(),
    name: z.string(),
    state: z.enum(instanceStates),
    needs_attention: z.string().optional().meta({
      description: 'Why someone should look: until it is adopted, nothing of it is changed. Absent when all is well.',
    }),
    services: z.array(declaredServiceSchema),
    removed_replicas: z.record(z.string(), z.number()).optional(),
    expose: z.string().optional(),
    hosts: z.array(z.string()),
    policies: z.object({
      strategy: z.string().optional(),
      if_busy: z.enum(['queue', 'reject', 'supersede']).optional(),
      progress_deadline_ms: z.number().optional(),
      pause_deadline_ms: z.number().optional(),
      drain_ms: z.number().optional(),
      sticky_cookie: z.string().optional(),
    }),
    provider: z.string(),
    current_release_id: z.string().optional(),
    urls: texts,
  })
  .meta({ id: 'Instance' })

/** An instance with where to listen from. */
export const oneInstanceSchema = instanceSchema.extend({ last_event_id: lastEventId }).meta({ id: 'OneInstance' })

/** An instance that somebody has looked at, and what goes once what it wants is ready. */
export const adoptedSchema = z
  .object({
    instance: instanceSchema,
    leaves: z
      .array(z.string())
      .optional()
      .meta({ description: 'Replicas that are not wanted. Absent when the platform did not answer.' }),
    last_event_id: lastEventId,
  })
  .meta({ id: 'Adopted' })

export const createdSchema = z
  .object({ instance: instanceSchema, deployment: deploymentSchema, last_event_id: lastEventId })
  .meta({ id: 'Created' })

export const instanceQuery = z.object({
  ...paging,
  ...tenantQuery,
  status: severalOf([...instanceStates, 'needs_attention']).optional(),
  q: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'must be part of a name')
    .optional()
    .meta({ description: 'Part of the name.' }),
  release_id: z.string().max(100).optional(),
})

export const summarySchema = z
  .object({
    instances: z.partialRecord(z.enum(instanceStates), z.number().int()),
    needs_attention: z.number().int().meta({ description: 'Instances that someone should look at.' }),
    deployments: z.partialRecord(z.enum(['pending', 'running']), z.number().int()),
    waiting: z.number().int().meta({ description: 'Running deployments that wait for a person.' }),
  })
  .meta({ id: 'Summary' })

/** A service with what is wanted of it and what there is. */
export const serviceStatusSchema = declaredServiceSchema
  .extend({ rows: z.array(rowSchema), running: z.array(replicaSchema) })
  .meta({ id: 'ServiceStatus' })

export const createInstanceBody = wireSchema(createInstanceSchema).meta({ id: 'CreateInstance' })
export const updateInstanceBody = wireSchema(updateInstanceSchema).meta({ id: 'UpdateInstance' })
export const scaleBody = z.strictObject({ replicas: replicasSchema }).meta({ id: 'Scale' })
export const restartBody = z
  .strictObject({ services: z.array(z.string().max(40)).max(100).optional() })
  .meta({ id: 'Restart' })
