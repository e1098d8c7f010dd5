import { z } from 'zod'
import { texts } from './shared.ts'

const timing = {
  interval_ms: z.number().optional(),
  timeout_ms: z.number().optional(),
  healthy_after: z.number().optional(),
  unhealthy_after: z.number().optional(),
  min_healthy_ms: z.number().optional(),
}

const healthCheckSchema = z
  .union([
    z.object({
      type: z.literal('http'),
      path: z.string().optional(),
      port: z.string().optional(),
      status: z.tuple([z.number(), z.number()]).optional(),
      headers: texts.optional(),
      ...timing,
    }),
    z.object({ type: z.literal('tcp'), port: z.string().optional(), ...timing }),
    z.object({ type: z.literal('command'), command: z.array(z.string()), ...timing }),
  ])
  .meta({ id: 'HealthCheck' })

const spec = {
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: texts.optional(),
  ports: z.array(z.object({ name: z.string(), number: z.number().optional() })).optional(),
  exclusive: z.boolean().optional(),
  before: z
    .union([z.array(z.string()), z.object({ command: z.array(z.string()), rerun: z.boolean().optional() })])
    .optional(),
  health_check: healthCheckSchema.optional(),
  depends_on: z.array(z.string()).optional(),
  grace_ms: z.number().optional(),
  volumes: z.array(z.object({ name: z.string(), path: z.string(), shared: z.boolean().optional() })).optional(),
  resources: z
    .object({ cpu: z.number().optional(), memory_bytes: z.number().optional(), pids: z.number().optional() })
    .optional(),
  user: z.string().optional(),
}

/** Environment variable → name of a secret. */
const secretNames = texts.meta({ description: 'Environment variable → name of a secret' })

export const declaredServiceSchema = z
  .object({ ...spec, secrets: secretNames.optional(), replicas: z.number().int() })
  .meta({ id: 'Service', description: 'A service as an instance declares it.' })

export const deploySpecSchema = z
  .object({
    ...spec,
    secrets: secretNames.optional(),
    digest: z.string().optional(),
    replicas: z.number().int().optional(),
  })
  .meta({ id: 'ServiceDeploySpec', description: 'A service as a deploy names it: the fields that change.' })

export const snapshotSchema = z
  .object({
    ...spec,
    digest: z.string(),
    secrets: z.record(z.string(), z.object({ name: z.string(), version: z.number().int() })).optional(),
  })
  .meta({ id: 'ServiceSnapshot', description: 'A service inside a release, secrets pinned to a version.' })

export const rowSchema = z
  .object({
    service: z.string(),
    revision: z.string(),
    replicas: z.number().int(),
    weight: z.number().int().meta({ description: "Whole percent of the service's traffic" }),
    release: z.string(),
    keep_until: z.string().optional(),
  })
  .meta({ id: 'Row', description: 'What is wanted of one revision of a service.' })

export const replicaSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    service: z.string(),
    revision: z.string(),
    state: z.enum(['starting', 'running', 'stopping', 'exited', 'unknown']),
    health: z.enum(['ready', 'unready', 'unknown']),
    unwanted: z.literal(true).optional().meta({ description: 'On its way out, or its instance needs attention.' }),
  })
  .meta({ id: 'Replica' })

const judged = { min_requests: z.number().optional(), wait: z.boolean().optional() }

export const checkSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('errors'),
      max_rate: z.number().optional(),
      max_rate_above_old: z.number().optional(),
      ...judged,
    }),
    z.object({
      type: z.literal('latency'),
      max_p95_ms: z.number().optional(),
      max_p95_ratio: z.number().optional(),
      ...judged,
    }),
    z.object({ type: z.literal('http'), url: z.string(), timeout_ms: z.number().optional() }),
    z.object({ type: z.literal('function'), name: z.string() }),
  ])
  .meta({ id: 'Check' })

const ofRevision = { service: z.string(), revision: z.string() }
const step = { name: z.string(), table: z.array(rowSchema) }

/** A move of a plan, with the whole table after it. */
export const stepSchema = z
  .discriminatedUnion('kind', [
    z.object({ ...step, kind: z.literal('prepare'), revisions: z.array(z.object(ofRevision)) }),
    z.object({ ...step, kind: z.literal('task'), ...ofRevision }),
    z.object({
      ...step,
      kind: z.literal('run'),
      ...ofRevision,
      replicas: z.number().int(),
      release: z.string(),
    }),
    z.object({
      ...step,
      kind: z.literal('route'),
      weights: z.record(z.string(), z.record(z.string(), z.number().int())),
    }),
    z.object({ ...step, kind: z.literal('hold'), seconds: z.number(), checks: z.array(checkSchema) }),
    z.object({ ...step, kind: z.literal('pause'), gate: z.string(), seconds: z.number().optional() }),
    z.object({ ...step, kind: z.literal('retire'), ...ofRevision, replicas: z.number().int() }),
  ])
  .meta({ id: 'Step' })

export const differenceSchema = z
  .object({
    service: z.string(),
    field: z.string().optional(),
    change: z.enum(['added', 'removed', 'changed']),
    from: z.unknown().optional(),
    to: z.unknown().optional(),
  })
  .meta({ id: 'Difference', description: 'One thing that differs. Values of secrets are never told.' })
