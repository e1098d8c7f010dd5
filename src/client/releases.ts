import type { Call } from './call.ts'
import type { CallOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf } from './read.ts'
import type { Difference, Items, PageQuery, Release, TrackedRelease } from './types.ts'
import { etagOf } from './versions.ts'

/** Releases: the history of an instance. */
export interface ReleasesClient {
  /** Of one instance, newest first. */
  list(instanceId: string, query?: PageQuery, options?: CallOptions): Pages<TrackedRelease>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<Release>, options?: CallOptions): Promise<Release>
  /** What differs from one to another of the same instance. */
  diff(from: string, to: string, options?: CallOptions): Promise<Items<Difference>>
}

/** The releases of a server. */
export function releases(call: Call): ReleasesClient {
  return {
    list: (id, query, options) =>
      pagesOf(query, query => call('GET /v1/instances/{id}/releases', { path: { id }, query, options })),
    get: (of, options) =>
      call('GET /v1/releases/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    diff: (id, other, options) => call('GET /v1/releases/{id}/diff/{other}', { path: { id, other }, options }),
  }
}
