import { z } from 'zod'
import { tenantQuery, time } from './shared.ts'

export const logLineSchema = z
  .object({
    at: time,
    service: z.string(),
    replica: z.string(),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  })
  .meta({ id: 'LogLine' })

export const logPageSchema = z.object({ items: z.array(logLineSchema) }).meta({ id: 'LogPage' })

export const logsQuery = z.object({
  ...tenantQuery,
  service: z.string().max(40).optional(),
  since: z.iso.datetime().optional(),
  grep: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: 'Only lines that have this text, as it is written here.' }),
  tail: z.coerce.number().int().min(1).max(5000).optional().meta({ description: 'The last so many. Default 200.' }),
})
