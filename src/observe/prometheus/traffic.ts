import type { Registry } from 'prom-client'
import { everyTenant } from '../../auth/auth.ts'
import type { Stores } from '../../deploy/work.ts'
import type { RevisionTraffic, Router } from '../../router/router.ts'
import { collected, type Description, type Reading } from './collected.ts'

/** So many instances are asked for at once. */
const atOnce = 16
const pageSize = 200
/** Of the router's bounds, milliseconds, those that are told: each is a series per revision. */
const toldBoundsMs: ReadonlySet<number> = new Set([5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 30_000])

/** What the router counted for one revision, and whose it is. */
type Traffic = RevisionTraffic & { readonly tenantId: string; readonly instanceId: string }

/** What is read for a scrape. */
export interface Look {
  look(signal: AbortSignal): Promise<void>
}

/**
 * Requests, errors and latency of revisions, from the router's own counters at the moment of the look. A revision that is wanted no more
 * and has nothing in flight is not told of, though the router remembers it for a while; and no more instances are looked at than `most`:
 * the newest.
 */
export function trafficMetrics(
  registry: Registry,
  { store, router }: { readonly store: Pick<Stores, 'instances' | 'work'>; readonly router: Pick<Router, 'traffic'> },
  most: number,
): Look {
  let traffic: readonly Traffic[] = []
  let leftOut = 0

  const each = (described: Description, read: (of: Traffic) => number): void =>
    collected(registry, described, () => traffic.map(of => ({ labels: labelsOf(of), value: read(of) })))
  each(
    { name: 'slipway_proxy_requests_total', help: 'Requests given to a revision by the router.', type: 'counter' },
    of => of.requests,
  )
  each(
    {
      name: 'slipway_proxy_errors_total',
      help: 'Answers of 500 and above, and requests that got none, of a revision.',
      type: 'counter',
    },
    of => of.errors,
  )
  each(
    { name: 'slipway_proxy_active_requests', help: 'Requests in flight to a revision.', type: 'gauge' },
    of => of.active,
  )
  each(
    { name: 'slipway_proxy_active_websockets', help: 'WebSockets open to a revision.', type: 'gauge' },
    of => of.activeWebSockets,
  )
  collected(
    registry,
    {
      name: 'slipway_proxy_response_seconds',
      help: 'Time from a request to the head of its answer, of a revision. The router keeps no sum.',
      type: 'histogram',
    },
    () => traffic.flatMap(bucketsOf),
  )
  collected(
    registry,
    {
      name: 'slipway_proxy_instances_left_out',
      help: 'Instances whose traffic is not told, because there are more than are looked at.',
      type: 'gauge',
    },
    () => [{ value: leftOut }],
  )

  return {
    async look(signal) {
      const found: Traffic[] = []
      let [seen, total] = [0, 0]
      for (let cursor: string | undefined, more = true; more; ) {
        const limit = Math.min(pageSize, most - seen)
        if (limit <= 0) break
        const page = await store.instances.list(everyTenant, { limit, ...(cursor === undefined ? {} : { cursor }) })
        total = page.total
        for (let at = 0; at < page.items.length; at += atOnce) {
          const some = await Promise.all(
            page.items.slice(at, at + atOnce).map(async ({ id, tenantId }) => {
              const wanted = new Set((await store.work.load(id))?.table.map(({ revision }) => revision))
              const counted = await router.traffic(id, signal)
              return counted
                .filter(
                  ({ revision, active, activeWebSockets }) => wanted.has(revision) || active + activeWebSockets > 0,
                )
                .map(revision => ({ ...revision, tenantId, instanceId: id }))
            }),
          )
          found.push(...some.flat())
        }
        seen += page.items.length
        cursor = page.nextCursor
        more = cursor !== undefined
      }
      traffic = found
      leftOut = Math.max(0, total - seen)
    },
  }
}

function labelsOf({ tenantId, instanceId, service, revision }: Traffic): Record<string, string> {
  return { tenant: tenantId, instance_id: instanceId, service, revision }
}

function bucketsOf(of: Traffic): Reading[] {
  const labels = labelsOf(of)
  const readings: Reading[] = []
  let count = 0
  for (const [at, inBucket] of of.latencyCounts.entries()) {
    count += inBucket
    const bound = of.latencyBoundsMs[at]
    if (bound === undefined || !toldBoundsMs.has(bound)) continue
    readings.push({
      metricName: 'slipway_proxy_response_seconds_bucket',
      labels: { ...labels, le: bound / 1000 },
      value: count,
    })
  }
  readings.push({
    metricName: 'slipway_proxy_response_seconds_bucket',
    labels: { ...labels, le: '+Inf' },
    value: count,
  })
  readings.push({ metricName: 'slipway_proxy_response_seconds_count', labels, value: count })
  return readings
}
