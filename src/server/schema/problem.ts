import { z } from 'zod'
import { type ErrorCode, errorCodes } from '../../errors.ts'

export const trySchema = z
  .object({
    label: z.string(),
    command: z.string().optional(),
    method: z.string().optional(),
    href: z.string().optional(),
  })
  .meta({ id: 'Try', description: 'Something to do about a problem.' })

/** Every way to be refused, as RFC 9457 has it. */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ description: 'Where the code is explained.' }),
    title: z.string().meta({ description: 'What the code means.' }),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What happened and why, in a sentence.' }),
    instance: z.string().meta({ description: 'The path that was asked for.' }),
    code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
    request_id: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'JSON pointer to the field.' }),
          code: z.string(),
          detail: z.string(),
        }),
      )
      .optional(),
    try: z.array(trySchema).optional(),
  })
  .meta({ id: 'Problem' })

export const codeSchema = z
  .object({ code: z.string(), status: z.number().int(), meaning: z.string() })
  .meta({ id: 'Code', description: 'What a code of a problem means.' })

export type Problem = z.input<typeof problemSchema>
export type Try = z.input<typeof trySchema>
