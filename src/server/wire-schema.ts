import { z } from 'zod'
import { snakeCase, type Wired } from '../wire.ts'

/**
 * The schema of what the library takes, as it stands on the wire: every field of every object in snake_case. What the library checks is
 * checked, in the words the caller used. Keys of records are the users' own, and stay.
 *
 * @example
 * wireSchema(z.strictObject({ commitSha: z.string() })) // takes { commit_sha: 'abc' }
 */
export function wireSchema<S extends z.ZodType>(schema: S): z.ZodType<Wired<z.output<S>>, Wired<z.input<S>>> {
  return renamed(schema) as z.ZodType<Wired<z.output<S>>, Wired<z.input<S>>>
}

function renamed(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries<z.core.$ZodType>(schema.shape)
    return changed(schema, {
      shape: Object.fromEntries(fields.map(([name, field]) => [snakeCase(name), renamed(field)])),
    })
  }
  if (schema instanceof z.ZodArray) return changed(schema, { element: renamed(schema.element) })
  if (schema instanceof z.ZodRecord) return changed(schema, { valueType: renamed(schema.valueType) })
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return changed(schema, { innerType: renamed(schema.unwrap()) })
  }
  if (schema instanceof z.ZodUnion) return changed(schema, { options: schema.options.map(renamed) })
  return schema
}

/** The same schema, its own checks included, around other parts. */
function changed(schema: z.ZodType, parts: object): z.core.$ZodType {
  return z.clone(schema, { ...schema.def, ...parts })
}
