import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { ListOptions, Page } from '../../deploy/store.ts'
import { SlipwayError } from '../../errors.ts'
import type { Schema } from './schema.ts'

/** How many items a page has when the caller does not say, and at most. */
export const pageLimits = { default: 20, max: 200 } as const

/** How far is counted what no counter counts, in all: further on a count would cost more than the page. */
export const mostCounted = 10_000

/** How many there are in all, as a page tells it. */
export type Count = Pick<Page<unknown>, 'total' | 'totalIsAtLeast'>

/** Which list a cursor belongs to; one of another list is refused. */
export type ListName =
  | 'deployments'
  | 'releases'
  | 'instances'
  | 'tokens'
  | 'audit'
  | 'tasks'
  | 'webhooks'
  | 'deliveries'
  | 'tenants'

/** What a list reads: at most `limit` rows whose key is below `before`. */
export interface Keyset {
  readonly limit: number
  readonly before?: number
}

/** Checks a caller's options. Throws `invalid_request`. */
export function keyset(list: ListName, options: ListOptions = {}): Keyset {
  const limit = options.limit ?? pageLimits.default
  if (!Number.isInteger(limit) || limit < 1 || limit > pageLimits.max) {
    throw new SlipwayError(
      'invalid_request',
      `limit is ${limit}, which is not a whole number from 1 to ${pageLimits.max}.`,
      {
        next: `Ask for at most ${pageLimits.max} items and follow next_cursor for more.`,
        fields: [{ pointer: '/limit', detail: `a whole number from 1 to ${pageLimits.max}` }],
      },
    )
  }
  return options.cursor === undefined ? { limit } : { limit, before: decode(list, options.cursor) }
}

/** A table whose rows are listed newest first by their number. */
type Numbered = 'audit' | 'deliveries' | 'tasks' | 'tenants' | 'tokens' | 'webhooks'

/**
 * A page of all these rows, newest first, with the count of them all.
 *
 * @example
 * await newestFirst(db, 'tokens', options, db.selectFrom('tokens').where('tenant_id', '=', tenantId), tokenRow.read)
 */
export async function newestFirst<Name extends Numbered, T>(
  db: Kysely<Schema>,
  list: Name,
  options: ListOptions | undefined,
  all: SelectQueryBuilder<Schema, Name, object>,
  read: (row: object) => T,
): Promise<Page<T>> {
  const keys = keyset(list, options)
  // One table as good as another: all of them have the column that is named here.
  const every = all as unknown as SelectQueryBuilder<Schema, 'tokens', object>
  const newest = keys.before === undefined ? every : every.where('seq', '<', keys.before)
  const rows = await newest
    .selectAll()
    .orderBy('seq', 'desc')
    .limit(keys.limit + 1)
    .execute()
  return page(list, keys, rows, row => row.seq, read, await countOf(db, every))
}

/** Counts rows, up to {@link mostCounted}. In the order of the page: without one a tenant's rows would be looked for in the whole table. */
export async function countOf<Name extends keyof Schema>(
  db: Kysely<Schema>,
  rows: SelectQueryBuilder<Schema, Name, object>,
): Promise<Count> {
  // One table as good as another: all that are counted have the column that is named here.
  const some = (rows as unknown as SelectQueryBuilder<Schema, 'deployments', object>)
    .select(sql<number>`1`.as('one'))
    .orderBy('seq', 'desc')
    .limit(sql.lit(mostCounted + 1))
    .as('some')
  const { counted } = await db
    .selectFrom(some)
    .select(({ fn }) => fn.countAll<number>().as('counted'))
    .executeTakeFirstOrThrow()
  return counted > mostCounted ? { total: mostCounted, totalIsAtLeast: true } : { total: counted }
}

/** A page from `rows`, of which one more than `limit` was asked for to see whether there is another page. */
export function page<Row, T>(
  list: ListName,
  { limit }: Keyset,
  rows: readonly Row[],
  key: (row: Row) => number,
  read: (row: Row) => T,
  count: Count,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const items = shown.map(row => read(row))
  return last !== undefined && rows.length > limit
    ? { items, nextCursor: encode(list, key(last)), ...count }
    : { items, ...count }
}

function encode(list: ListName, key: number): string {
  return Buffer.from(`${list}:${key}`).toString('base64url')
}

function decode(list: ListName, cursor: string): number {
  const [, key] = new RegExp(`^${list}:([1-9][0-9]{0,14})$`).exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (key === undefined) {
    throw new SlipwayError('invalid_request', 'The cursor is not one that this list gave.', {
      next: 'Start again without a cursor, and pass on next_cursor as it is.',
      fields: [{ pointer: '/cursor', detail: 'the next_cursor of a page of this list' }],
    })
  }
  return Number(key)
}
