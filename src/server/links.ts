import type { Context } from 'hono'
import type { Deployment } from '../deploy/deployment.ts'
import type { Page } from '../deploy/store.ts'
import { type Wired, wire } from '../wire.ts'
import type { ServerEnv, ServerParts } from './context.ts'

/** The answer to whatever started or changed a rollout, with where it is and where to listen; says so in `Location`. */
export function accepted(c: Context<ServerEnv>, { basePath }: ServerParts, deployment: Deployment, place: number) {
  const links = linksOf(basePath, deployment, place)
  c.header('Location', links.self)
  return { ...wire(deployment), last_event_id: String(place), links }
}

/** Where a deployment is read, its events after a place, and what it leaves behind to look at. */
export function linksOf(basePath: string, { id }: Deployment, place: number) {
  const self = `${basePath}/v1/deployments/${id}`
  return {
    self,
    events: `${basePath}/v1/events/stream?deployment_id=${id}&after=${place}`,
    steps: `${self}/steps`,
    timeline: `${self}/timeline`,
    traffic: `${self}/traffic`,
    logs: `${self}/logs`,
  }
}

/** One page as it goes over the wire, with a link to the next in `Link`. */
export function pageAnswer<T>(c: Context<ServerEnv>, { basePath }: ServerParts, page: Page<T>) {
  const { nextCursor, items, total, totalIsAtLeast } = page
  if (nextCursor !== undefined) {
    const { pathname, searchParams } = new URL(c.req.url)
    searchParams.set('cursor', nextCursor)
    const path = basePath !== '' && pathname.startsWith(`${basePath}/`) ? pathname : `${basePath}${pathname}`
    c.header('Link', `<${path}?${searchParams.toString()}>; rel="next"`)
  }
  return {
    items: items.map(item => wire(item)) as Wired<T>[],
    ...(nextCursor !== undefined ? { next_cursor: nextCursor } : {}),
    total,
    ...(totalIsAtLeast ? { total_is_at_least: true as const } : {}),
  }
}
