import type { Page } from './types.ts'

/**
 * A list that comes in pages. Going through it gives every item, and reads a page when the one before is used up.
 *
 * @example
 * for await (const deployment of client.deployments.list({ state: 'active' })) console.log(deployment.id)
 * const { total } = await client.deployments.list({ state: 'failed', limit: 1 }).page()
 */
export interface Pages<T> extends AsyncIterable<T> {
  /** One page: the first, or the one after a cursor. */
  page(cursor?: string): Promise<Page<T>>
}

/** The pages of a list that is read by this. */
export function pagesOf<Q extends object, T>(
  query: Q | undefined,
  readPage: (query: Q & { readonly cursor?: string }) => Promise<Page<T>>,
): Pages<T> {
  const read = (cursor?: string): Promise<Page<T>> =>
    readPage({ ...(query as Q), ...(cursor === undefined ? {} : { cursor }) })
  return {
    page: read,
    async *[Symbol.asyncIterator]() {
      let cursor: string | undefined
      do {
        const page = await read(cursor)
        yield* page.items
        cursor = page.next_cursor
      } while (cursor !== undefined)
    },
  }
}
