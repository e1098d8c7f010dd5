import { isDeepStrictEqual } from 'node:util'
import type { RouteTable, ServiceRoute } from '../router.ts'
import { LiveEndpoint } from './endpoint.ts'
import { type LiveRevision, LiveService, markOf } from './service.ts'
import { TrafficCount } from './traffic.ts'

/** How many revisions of a service that left the table keep their numbers. */
const rememberedRevisions = 20

/** One instance, in use. */
export interface LiveInstance {
  table: RouteTable
  services: Map<string, LiveService>
  /** By replica and address; also those that left the table with something in flight. */
  readonly endpoints: Map<string, LiveEndpoint>
  /** By service, then revision. */
  readonly traffic: Map<string, Map<string, TrafficCount>>
}

/** A service as its table has it now, with what goes on from the table before: endpoints, counts, and the balance's account. Adds its endpoints to `present`. */
export function liveService(
  instance: LiveInstance,
  instanceId: string,
  name: string,
  route: ServiceRoute,
  present: Set<LiveEndpoint>,
): LiveService {
  const last = instance.services.get(name)
  const counts = instance.traffic.get(name) ?? new Map<string, TrafficCount>()
  instance.traffic.set(name, counts)
  const sameShares = last !== undefined && isDeepStrictEqual(sharesOf(last.route), sharesOf(route))
  const revisions = Object.entries(route.revisions).map(([revision, { weight, endpoints }]): LiveRevision => {
    const serving: LiveEndpoint[] = []
    for (const { replica, address, state } of endpoints) {
      const key = `${replica} ${address.host}:${address.port}`
      const endpoint = instance.endpoints.get(key) ?? new LiveEndpoint(replica, address)
      instance.endpoints.set(key, endpoint)
      present.add(endpoint)
      endpoint.serve(state === 'serving')
      if (endpoint.serving) serving.push(endpoint)
    }
    const traffic = counts.get(revision) ?? new TrafficCount()
    counts.set(revision, traffic)
    // Under other weights the account starts anew: credit saved under the old ones would come out as a burst.
    const credit = sameShares ? (last?.revisions.find(one => one.revision === revision)?.credit ?? 0) : 0
    return { revision, weight, credit, serving, traffic, mark: markOf(revision) }
  })
  for (const [revision, count] of counts) {
    if (counts.size <= rememberedRevisions) break
    if (!(revision in route.revisions) && count.active + count.activeWebSockets === 0) counts.delete(revision)
  }
  return new LiveService(instanceId, name, route, revisions)
}

function sharesOf(route: ServiceRoute): Record<string, number> {
  return Object.fromEntries(Object.entries(route.revisions).map(([revision, { weight }]) => [revision, weight]))
}
