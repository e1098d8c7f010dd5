import type { Row } from '../deploy/step.ts'
import type { RouteTable } from '../router/router.ts'
import { type Moves, missing, rowKey, type Situation } from './difference.ts'
import { type RouteSources, serviceRoutes } from './routes.ts'

/**
 * What to do for an instance whose table may not be what is wanted: the world comes from a time that the database has forgotten. Nothing is
 * stopped and no weight moves; a replica that died is started again where that can't put an old version beside a new one, or in its place.
 */
export function heldMoves(now: Situation): Moves {
  const rows = now.table.filter(row => isInUse(row, now))
  const keys = new Set(rows.map(rowKey))
  return {
    start: missing({ ...now, table: rows }),
    remove: now.replicas
      .map(view => view.replica)
      .filter(replica => replica.state === 'exited' && keys.has(rowKey(replica)) && !now.leaving.has(replica.id)),
    stop: [],
    weights: now.applied,
    weightsReached: true,
  }
}

/** Whether a row of the table is what serves: it has traffic, or nothing of its service is there in another revision, not even dead. */
function isInUse(row: Row, now: Situation): boolean {
  const weights = Object.entries(now.applied[row.service] ?? {}).filter(([, weight]) => weight > 0)
  if (weights.length > 0) return weights.some(([revision]) => revision === row.revision)
  if (row.weight === 0 && now.isRouted(row.service)) return false
  return now.replicas.every(({ replica }) => replica.service !== row.service || replica.revision === row.revision)
}

/** The routes as they are in use: ports, hosts and weights stay, only who can't serve leaves, and who can again joins. */
export function heldRoutes(from: RouteSources): RouteTable['services'] {
  const { inUse } = from
  const ports = Object.fromEntries(Object.entries(inUse).map(([service, { port }]) => [service, port]))
  const routes = serviceRoutes({ ...from, ports })
  return Object.fromEntries(
    Object.entries(inUse).map(([service, route]) => [
      service,
      { ...route, revisions: routes[service]?.revisions ?? route.revisions },
    ]),
  )
}
