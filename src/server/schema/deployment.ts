import { z } from 'zod'
import { deployRequestSchema, rollbackRequestSchema } from '../../deploy/schema.ts'
import { wireSchema } from '../wire-schema.ts'
import { deploySpecSchema, differenceSchema, stepSchema } from './service.ts'
import { anything, lastEventId, paging, severalOf, tenantQuery, time } from './shared.ts'
import { quotaPreviewSchema } from './tenant.ts'

export const deploymentStates = ['pending', 'running', 'succeeded', 'failed', 'rolled_back', 'cancelled'] as const
export const deploymentKinds = [
  'deploy',
  'rollback',
  'initial',
  'provision',
  'scale',
  'restart',
  'stop',
  'start',
  'delete',
] as const

export const deploymentSchema = z
  .object({
    id: z.string(),
    created_at: time,
    updated_at: time,
    tenant_id: z.string(),
    instance_id: z.string(),
    release_id: z.string(),
    kind: z.enum(deploymentKinds),
    state: z.enum(deploymentStates),
    strategy: z.string(),
    options: anything.optional(),
    services: z.array(deploySpecSchema),
    service_progress: z.record(z.string(), z.enum(['pending', 'running', 'succeeded', 'failed'])).optional(),
    provider_ref: z.string().optional(),
    started_at: time.optional(),
    finished_at: time.optional(),
    error: z.string().optional(),
    error_code: z.string().optional(),
    initiator: z.string(),
    notes: z.string().optional(),
    commit_sha: z.string().optional(),
    from_release_id: z.string().optional(),
    restored: z.boolean().optional(),
    rolled_back_by: z.string().optional(),
    retry_of: z.string().optional(),
    reason: z.object({ code: z.string(), text: z.string(), since: time }).optional(),
    step: z.number().int().optional(),
    step_count: z.number().int().optional(),
  })
  .meta({ id: 'Deployment' })

const links = z.object({
  self: z.string(),
  events: z.string(),
  steps: z.string(),
  timeline: z.string(),
  traffic: z.string(),
  logs: z.string(),
})

/** What any request that starts or changes a rollout answers. */
export const acceptedSchema = deploymentSchema.extend({ last_event_id: lastEventId, links }).meta({ id: 'Accepted' })

export const allowedActionSchema = z
  .object({
    action: z.enum(['promote', 'pause', 'resume', 'cancel', 'retry', 'rollback']),
    allowed: z.boolean(),
    gate: z.string().optional(),
    why: z.string().optional(),
  })
  .meta({ id: 'AllowedAction' })

const sideReplicas = z.object({ ready: z.number().int(), want: z.number().int() })

const expectationSchema = z
  .object({
    median_ms: z.number(),
    basis: z.string(),
    last_ms: z.array(z.number()).meta({ description: 'Newest first; waits for a person are not counted.' }),
  })
  .meta({ id: 'Expectation', description: 'By the last five that succeeded with this strategy. Absent without any.' })

export const performedStepSchema = z
  .object({
    phase: z.enum(['forward', 'undo']),
    position: z.number().int(),
    state: z.enum(['pending', 'begun', 'done', 'skipped', 'failed']),
    step: stepSchema,
    began_at: time.optional(),
    ended_at: time.optional(),
    note: z.string().optional(),
    running_at: time.optional().meta({ description: 'When every replica had been started.' }),
  })
  .meta({ id: 'PerformedStep' })

export const oneDeploymentSchema = acceptedSchema
  .extend({
    allowed_actions: z.array(allowedActionSchema),
    traffic: z
      .record(z.string(), z.object({ set: z.number().int(), actual: z.number().optional() }))
      .optional()
      .meta({ description: 'While it runs: percent of the traffic of each service for its new revision.' }),
    replicas: z
      .record(z.string(), z.object({ old: sideReplicas, new: sideReplicas }))
      .optional()
      .meta({ description: 'While it runs: replicas of each service that moves.' }),
    eta: expectationSchema
      .extend({
        at: time.optional().meta({ description: 'Absent while it waits for a person.' }),
        remaining_ms: z.number(),
      })
      .optional(),
    steps: z.array(performedStepSchema),
  })
  .meta({ id: 'OneDeployment' })

export const deploymentQuery = z.object({
  ...paging,
  ...tenantQuery,
  state: severalOf(deploymentStates, { active: ['pending', 'running'] }).optional(),
  kind: severalOf(deploymentKinds).optional(),
  instance_id: z.string().max(100).optional(),
  release_id: z.string().max(100).optional(),
})

export const planSchema = z
  .object({
    strategy: z.string(),
    options: anything,
    from_release_id: z.string().optional(),
    steps: z.array(stepSchema).optional(),
    changes: z.array(differenceSchema),
    downtime: z.array(z.string()),
    behind: z.number().int(),
    quota: quotaPreviewSchema.optional(),
    will_take: expectationSchema.optional(),
  })
  .meta({ id: 'Plan' })

export const deployBody = wireSchema(deployRequestSchema.omit({ instanceId: true })).meta({ id: 'DeployRequest' })
export const rollbackBody = wireSchema(
  rollbackRequestSchema.omit({ instanceId: true }).extend({ releaseId: z.string().max(100).optional() }),
).meta({ id: 'RollbackRequest', description: 'Without `release_id`: to the release that was active before.' })
export const promoteBody = z.strictObject({ gate: z.string().max(200).optional() }).meta({ id: 'Promote' })
