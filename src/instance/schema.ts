import { z } from 'zod'

/** A name that becomes part of a host name: lower-case letters, digits and dashes, 1 to 40 characters. */
export const nameSchema = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    'must be lower-case letters, digits and dashes, start with a letter, at most 40 characters',
  )

/** The most an `env` may hold, names and values together: what fits beside the arguments on every platform. */
export const maxEnvBytes = 256 * 1024

const text = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max} characters`)
    .refine(value => !value.includes('\0'), 'must not contain a NUL character')
const words = z.array(text(32_768)).max(1000)
const envName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'must be an environment variable name: letters, digits and _')
const milliseconds = z
  .number()
  .int()
  .min(1)
  .max(24 * 3_600_000)

const env = z
  .record(envName, text(131_072))
  .refine(
    map =>
      Object.entries(map).reduce(
        (bytes, [name, value]) => bytes + Buffer.byteLength(name) + Buffer.byteLength(value),
        0,
      ) <= maxEnvBytes,
    `must hold at most ${maxEnvBytes / 1024} kB in all`,
  )

const timing = {
  intervalMs: milliseconds.optional(),
  timeoutMs: milliseconds.optional(),
  healthyAfter: z.number().int().min(1).max(1000).optional(),
  unhealthyAfter: z.number().int().min(1).max(1000).optional(),
  minHealthyMs: z
    .number()
    .int()
    .min(0)
    .max(24 * 3_600_000)
    .optional(),
}

const healthCheck = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('http'),
    path: text(2048).optional(),
    port: nameSchema.optional(),
    status: z.tuple([z.number().int().min(100).max(599), z.number().int().min(100).max(599)]).optional(),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), text(4096)).optional(),
    ...timing,
  }),
  z.strictObject({ type: z.literal('tcp'), port: nameSchema.optional(), ...timing }),
  z.strictObject({ type: z.literal('command'), command: words, ...timing }),
])

const specFields = {
  command: words.optional(),
  args: words.optional(),
  env: env.optional(),
  secrets: z.record(envName, text(128)).optional(),
  ports: z
    .array(z.strictObject({ name: nameSchema, number: z.number().int().min(1).max(65_535).optional() }))
    .max(20)
    .optional(),
  exclusive: z.boolean().optional(),
  before: z
    .union([words.min(1), z.strictObject({ command: words.min(1), rerun: z.boolean().exactOptional() })], {
      error: 'must be a command as a list of words, or { command, rerun }',
    })
    .optional(),
  healthCheck: healthCheck.optional(),
  dependsOn: z.array(nameSchema).max(100).optional(),
  graceMs: z.number().int().min(0).max(3_600_000).optional(),
  volumes: z
    .array(z.strictObject({ name: nameSchema, path: text(1024), shared: z.boolean().optional() }))
    .max(20)
    .optional(),
  resources: z
    .strictObject({
      cpu: z.number().positive().max(1024).optional(),
      memoryBytes: z
        .number()
        .int()
        .min(1024 * 1024)
        .optional(),
      pids: z.number().int().min(1).optional(),
    })
    .optional(),
  user: text(64).optional(),
}

const replicas = z
  .number()
  .int()
  .min(1, 'must be at least 1; to run none, stop the instance or remove the service')
  .max(1000)

/** A service in a deploy: name and image, and whatever else changes. */
export const deployServiceSchema = z.strictObject({
  name: nameSchema,
  image: text(1024),
  replicas: replicas.optional(),
  ...specFields,
})

/** A service as an instance declares it. */
export const declaredServiceSchema = z.strictObject({
  name: nameSchema,
  image: text(1024),
  replicas: replicas.optional(),
  expose: z.boolean().optional(),
  ...specFields,
})

const host = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'must be a host name in lower case, without port',
  )

/** What an instance wants of its rollouts. */
export const policiesSchema = z.strictObject({
  strategy: text(64).optional(),
  ifBusy: z.enum(['queue', 'reject', 'supersede']).optional(),
  progressDeadlineMs: milliseconds.optional(),
  pauseDeadlineMs: z.number().int().min(1).optional(),
  drainMs: z
    .number()
    .int()
    .min(0)
    .max(24 * 3_600_000)
    .optional(),
  stickyCookie: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be a cookie name: letters, digits, _ and -')
    .optional(),
})

/** A new instance. */
export const createInstanceSchema = z.strictObject({
  name: nameSchema,
  services: z.array(declaredServiceSchema).max(100),
  hosts: z.array(host).max(100).optional(),
  policies: policiesSchema.optional(),
  provider: text(64).optional(),
})

/** What may be updated of an instance; services change by deploy. */
export const updateInstanceSchema = z.strictObject({
  name: nameSchema.optional(),
  hosts: z.array(host).max(100).optional(),
  expose: nameSchema.nullable().optional(),
  policies: policiesSchema.optional(),
})

/** Service → how many replicas. */
export const replicasSchema = z.record(nameSchema, replicas)

/** What is asked of `create`. */
export type CreateInstanceRequest = z.input<typeof createInstanceSchema>
/** What is asked of `update`. */
export type UpdateInstanceRequest = z.input<typeof updateInstanceSchema>
