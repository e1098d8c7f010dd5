import type { Bound, Codec } from './codec.ts'

/** Where each field of an entity lies: its column and how it is written there. A field without a column does not compile. */
export type Columns<E> = {
  readonly [K in keyof E]-?: readonly [column: string, codec: Codec<Exclude<E[K], undefined>>]
}

/** Turns an entity into a row and back. Optional fields that are absent are NULL there, and absent again here. */
export interface Entity<E> {
  readonly columns: readonly string[]
  /** The row of a whole entity. */
  readonly row: (entity: E) => Record<string, Bound>
  /** The columns a patch changes: absent fields none, `null` to NULL. */
  readonly changes: (patch: { readonly [K in keyof E]?: E[K] | null }) => Record<string, Bound>
  readonly read: (row: object) => E
}

/** An {@link Entity} from the table of its columns. */
export function entity<E extends object>(columns: Columns<E>): Entity<E> {
  const fields = Object.entries(columns) as [keyof E & string, readonly [string, Codec<unknown>]][]
  return {
    columns: fields.map(([, [column]]) => column),
    row(entity) {
      const row: Record<string, Bound> = {}
      for (const [field, [column, codec]] of fields) {
        const value = entity[field]
        row[column] = value === undefined || value === null ? null : codec.encode(value)
      }
      return row
    },
    changes(patch) {
      const changes: Record<string, Bound> = {}
      for (const [field, [column, codec]] of fields) {
        const value = patch[field]
        if (value !== undefined) changes[column] = value === null ? null : codec.encode(value)
      }
      return changes
    },
    read(row) {
      const bounds = row as Readonly<Record<string, Bound | undefined>>
      const entity: Record<string, unknown> = {}
      for (const [field, [column, codec]] of fields) {
        const bound = bounds[column]
        if (bound !== null && bound !== undefined) entity[field] = codec.decode(bound)
      }
      return entity as E
    },
  }
}
