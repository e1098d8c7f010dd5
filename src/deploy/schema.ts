import { z } from 'zod'
import { type FieldError, SlipwayError } from '../errors.ts'
import { deployServiceSchema } from '../instance/schema.ts'

const line = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max} characters`)
    .refine(value => !value.includes('\0'), 'must not contain a NUL character')

/** The contract's DeployRequest, with what ours adds. */
export const deployRequestSchema = z.strictObject({
  instanceId: line(100),
  services: z.array(deployServiceSchema).max(100),
  strategy: line(64).optional(),
  /** Options of the strategy. */
  options: z.record(z.string(), z.unknown()).optional(),
  notes: line(4096).optional(),
  commitSha: line(100).optional(),
  /** Full specs of every service: adds, changes and removes. */
  complete: z.boolean().optional(),
  /** Refused with `stale_release` unless this release is active, at the call and at the start. */
  expectRelease: line(100).optional(),
  ifBusy: z.enum(['queue', 'reject', 'supersede']).optional(),
})

/** What is asked of {@link DeployService.deploy}. */
export type DeployRequest = z.input<typeof deployRequestSchema>

/** What is asked of a rollback. */
export const rollbackRequestSchema = z.strictObject({
  instanceId: line(100),
  releaseId: line(100),
  notes: line(4096).optional(),
  /** Default `supersede`: a rollback does not wait for what it wants to get rid of. */
  ifBusy: z.enum(['queue', 'reject', 'supersede']).optional(),
  /** How long what it replaces is kept warm. Default 300. */
  keepWarmSeconds: z.number().min(0).optional(),
})

/** What is asked of {@link DeployService.rollback}. */
export type RollbackRequest = Given<z.input<typeof rollbackRequestSchema>>

/** A type whose optional fields are absent when empty, never `undefined`. */
export type Given<T> = T extends readonly unknown[]
  ? { [K in keyof T]: Given<T[K]> }
  : T extends object
    ? { [K in keyof T]: Given<Exclude<T[K], undefined>> }
    : T

/** A value without the fields that are `undefined`, however deep. */
export function given<T>(value: T): Given<T> {
  return withoutUndefined(value) as Given<T>
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.map(([key, field]) => [key, withoutUndefined(field)]))
}

/**
 * `value` as the schema says, or `invalid_request` naming every field that is wrong.
 *
 * @throws SlipwayError `invalid_request`
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): Given<z.output<S>> {
  const result = schema.safeParse(value)
  if (result.success) return given(result.data)
  const fields: FieldError[] = result.error.issues.map(issue => ({
    pointer: `/${issue.path.map(part => String(part)).join('/')}`,
    detail: issue.message,
  }))
  const first = fields[0]
  const where = first && first.pointer !== '/' ? `${first.pointer} ` : ''
  throw new SlipwayError('invalid_request', `${what} is not valid: ${where}${first?.detail ?? 'unknown fault'}.`, {
    next: fields.length > 1 ? `Mend these ${fields.length} fields and send it again.` : 'Mend it and send it again.',
    fields,
  })
}
