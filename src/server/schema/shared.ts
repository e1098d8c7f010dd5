import { z } from 'zod'
import { snakeCase } from '../../wire.ts'

/** A moment, RFC 3339 in UTC. */
export const time = z.iso.datetime().meta({ description: 'RFC 3339, UTC' })

/** Strings by a name that users chose. */
export const texts = z.record(z.string(), z.string())

/** Anything by a name that users or strategies chose. */
export const anything = z.record(z.string(), z.unknown())

/** Where to listen from, read before the state that it comes with: nothing that happened since is missed. */
export const lastEventId = z.string().meta({ description: 'Pass it as `after` to the events: nothing is missed.' })

/** One page of a list. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    next_cursor: z.string().optional().meta({ description: 'The `cursor` of the next page; absent on the last.' }),
    total: z.number().int(),
    total_is_at_least: z.literal(true).optional(),
  })
}

/** What every list takes. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(200).optional().meta({ description: 'Default 20.' }),
  cursor: z.string().max(200).optional(),
}

/** For operators: whose things these are. */
export const tenantQuery = {
  tenant: z.string().max(40).optional().meta({ description: "An operator's token names the tenant; lists take `*`." }),
}

/** The id of something in a path. */
export const idParam = z.object({ id: z.string().min(1).max(100) })

/** Several of these, separated by commas; `also` are words for several at once. */
export function severalOf<const V extends string>(
  values: readonly V[],
  also: Readonly<Record<string, readonly V[]>> = {},
) {
  const words: readonly string[] = [...values, ...Object.keys(also)]
  return z
    .string()
    .max(1000)
    .refine(
      list => list.split(',').every(word => words.includes(word)),
      `must be some of ${words.join(', ')}, separated by commas`,
    )
    .transform(list => [...new Set(list.split(',').flatMap(word => also[word] ?? [word as V]))])
    .meta({ description: `Some of ${words.map(snakeCase).join(', ')}, separated by commas.` })
}
