import { z } from 'zod'
import { deploymentKinds, deploymentStates } from './deployment.ts'
import { instanceSchema } from './instance.ts'
import { releaseSchema } from './release.ts'
import { checkSchema } from './service.ts'
import { tenantQuery, time } from './shared.ts'

const milliseconds = z.number().int().nonnegative()
const phase = z.enum([
  'queued',
  'plan',
  'prepare',
  'task',
  'start',
  'health',
  'shift',
  'hold',
  'human',
  'drain',
  'away',
])

const barSchema = z
  .object({
    phase,
    from: time,
    to: time.optional().meta({ description: 'Absent while it lasts.' }),
    position: z.number().int().optional().meta({ description: 'Of the step that it is part of.' }),
    name: z.string().optional(),
    state: z.enum(['begun', 'done', 'skipped', 'failed']).optional(),
    undo: z.literal(true).optional(),
    note: z.string().optional(),
  })
  .meta({
    id: 'TimelineBar',
    description: '`human`: it waits for a person. `away`: no control plane was there to go on.',
  })

export const timelineSchema = z
  .object({
    deployment_id: z.string(),
    state: z.enum(deploymentStates),
    from: time,
    to: time.optional(),
    spent_ms: z.partialRecord(phase, milliseconds).meta({ description: 'Of the lane of the deployment.' }),
    lanes: z.array(
      z.object({
        lane: z.enum(['deployment', 'service']),
        service: z.string().optional(),
        bars: z.array(barSchema),
      }),
    ),
    marks: z.array(z.object({ at: time, type: z.string(), event_id: z.string(), text: z.string().optional() })),
    pruned: z.literal(true).optional().meta({ description: 'Its steps are not kept any more.' }),
  })
  .meta({ id: 'Timeline' })

export const trafficSchema = z
  .object({
    deployment_id: z.string(),
    services: z.array(
      z.object({
        service: z.string(),
        revisions: z.array(
          z.object({
            revision: z.string(),
            release_id: z.string(),
            side: z.enum(['old', 'new']),
            set: z
              .array(z.object({ at: time, weight: z.number().int() }))
              .meta({ description: 'Whole percent, from each moment on.' }),
            actual: z
              .array(
                z.object({
                  at: time,
                  seconds: z.number(),
                  weight: z.number(),
                  requests: z.number().int(),
                  errors: z.number().int(),
                  p95_ms: z.number().optional(),
                }),
              )
              .meta({ description: 'What it got in the seconds before. A time without requests is not in it.' }),
          }),
        ),
      }),
    ),
    checks: z.array(
      z.object({
        position: z.number().int(),
        check: checkSchema,
        values: z.array(
          z.object({
            at: time,
            verdict: z.enum(['pass', 'fail', 'wait']),
            text: z.string(),
            value: z.number().optional(),
            threshold: z.number().optional(),
            measure: z.enum(['error_rate', 'error_rate_above_old', 'p95_ms', 'p95_ratio']).optional(),
            service: z.string().optional(),
            samples: z.number().int().optional(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'Traffic' })

const sharesSchema = z
  .partialRecord(z.enum(['ready', 'partly', 'down', 'unknown', 'stopped']), z.number())
  .meta({ id: 'HealthShares', description: 'Parts of the time, which add up to 1.' })
const series = {
  shares: sharesSchema,
  buckets: z.array(z.object({ from: time, shares: sharesSchema })),
}

export const healthSchema = z
  .object({
    instance_id: z.string(),
    from: time,
    to: time,
    bucket_ms: z.number().meta({ description: 'The window has 96 buckets: 15 minutes each for 24 hours.' }),
    ...series,
    services: z.array(z.object({ service: z.string(), ...series })),
  })
  .meta({ id: 'HealthHistory' })

export const healthQuery = z.object({
  ...tenantQuery,
  window: z
    .string()
    .regex(/^(?:[1-9]\d{0,3}m|[1-9]h|1\dh|2[0-4]h)$/, 'must be such as 24h or 15m, at most 24h')
    .optional()
    .meta({ description: 'Default 24h.' }),
})

const outcome = {
  id: z.string(),
  kind: z.enum(deploymentKinds),
  state: z.enum(deploymentStates),
  finished_at: time.optional(),
  restored: z.boolean().optional(),
}

export const trackedReleaseSchema = releaseSchema
  .extend({
    restorable: z.boolean(),
    unrestorable: z.string().optional().meta({ description: 'Why it could not be rolled back to.' }),
    pruned_at: time.optional(),
    ran_for_ms: milliseconds.optional(),
    outcome: z
      .object({ ...outcome, started_at: time.optional(), error: z.string().optional(), initiator: z.string() })
      .optional()
      .meta({ description: 'Of the deployment that brought it out.' }),
  })
  .meta({ id: 'TrackedRelease' })

export const instanceItemSchema = instanceSchema
  .extend({
    release: z.object({ id: z.string(), version: z.number().int(), commit_sha: z.string().optional() }).optional(),
    health: z.object({
      state: z.enum(['ready', 'partly', 'down', 'unknown', 'stopped']),
      ready: z.number().int().optional(),
      want: z.number().int().optional(),
    }),
    rollout: z
      .object({
        id: z.string(),
        kind: z.enum(deploymentKinds),
        state: z.enum(deploymentStates),
        strategy: z.string(),
        release_id: z.string(),
        version: z.number().int().optional(),
        reason: z.object({ code: z.string(), text: z.string(), since: time }).optional(),
        step: z.number().int().optional(),
        step_count: z.number().int().optional(),
        started_at: time.optional(),
      })
      .optional(),
    last: z.array(z.object({ ...outcome, took_ms: milliseconds.optional() })).meta({
      description: 'The last 30 deployments that brought out a release, newest first.',
    }),
    needs: z
      .array(z.object({ code: z.string(), text: z.string(), deployment_id: z.string().optional() }))
      .meta({ description: 'Why somebody should look.' }),
  })
  .meta({ id: 'InstanceItem' })
