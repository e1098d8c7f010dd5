import type { Table, Weights } from '../deploy/step.ts'
import type { Instance } from '../instance/instance.ts'
import type { Endpoint, RevisionRoute, ServiceRoute } from '../router/router.ts'
import type { ReplicaView } from './difference.ts'

/** What the routes of an instance are made from. */
export interface RouteSources {
  readonly instance: Pick<Instance, 'name' | 'tenantId' | 'hosts' | 'expose' | 'policies'>
  /** The last labels of every host name: `localhost`. */
  readonly domain: string
  /** Service → its port on the router. */
  readonly ports: Readonly<Record<string, number>>
  readonly table: Table
  readonly weights: Weights
  readonly replicas: readonly ReplicaView[]
  readonly leaving: ReadonlySet<string>
  /** The routes in use. */
  readonly inUse: Readonly<Record<string, ServiceRoute>>
}

/**
 * The routes of every service that has a port on the router. A replica that is not ready gets no new request but keeps those it has; it
 * joins when it is ready for the first time, so that a start costs the router nothing.
 */
export function serviceRoutes(from: RouteSources): Record<string, ServiceRoute> {
  const routes: Record<string, ServiceRoute> = {}
  for (const [service, port] of Object.entries(from.ports)) {
    const revisions: Record<string, RevisionRoute> = {}
    const known = replicasIn(from.inUse[service])
    for (const [revision, weight] of Object.entries(from.weights[service] ?? {})) {
      if (weight > 0) revisions[revision] = { weight, endpoints: [] }
    }
    for (const view of from.replicas) {
      const endpoint = view.replica.service === service ? endpointOf(view, from.leaving) : undefined
      if (!endpoint || (endpoint.state === 'draining' && !known.has(endpoint.replica))) continue
      const revision = revisions[view.replica.revision] ?? { weight: 0, endpoints: [] }
      revisions[view.replica.revision] = { ...revision, endpoints: [...revision.endpoints, endpoint] }
    }
    const { stickyCookie } = from.instance.policies
    routes[service] = { port, hosts: hostsOf(service, from), ...(stickyCookie ? { stickyCookie } : {}), revisions }
  }
  return routes
}

function replicasIn(route: ServiceRoute | undefined): Set<string> {
  const revisions = Object.values(route?.revisions ?? {})
  return new Set(revisions.flatMap(({ endpoints }) => endpoints.map(({ replica }) => replica)))
}

function endpointOf({ replica, serving }: ReplicaView, leaving: ReadonlySet<string>): Endpoint | undefined {
  const [address] = Object.values(replica.addresses)
  if (!address || replica.state === 'exited') return undefined
  const draining = !serving || replica.state === 'stopping' || leaving.has(replica.id)
  return { replica: replica.id, address, state: draining ? 'draining' : 'serving' }
}

/** `<service>.<instance>.<tenant>.<domain>`, and for the exposed service the bare name and the instance's own hosts. */
export function hostsOf(service: string, { instance, domain }: Pick<RouteSources, 'instance' | 'domain'>): string[] {
  const bare = `${instance.name}.${instance.tenantId}.${domain}`
  const own = `${service}.${bare}`
  return instance.expose === service ? [own, bare, ...instance.hosts] : [own]
}
