import type { Revision, Row, Weights } from '../deploy/step.ts'
import type { RouteTable } from '../router/router.ts'
import type { Blueprint } from './blueprint.ts'
import { difference, type Moves, type ReplicaView, type Situation } from './difference.ts'
import { heldMoves, heldRoutes } from './held.ts'
import { serviceRoutes } from './routes.ts'
import { weightsOf } from './routing.ts'

/** How many replicas of a row must be ready before its weight may rise: all of them, unless undo asks for fewer. */
export type Needs = ReadonlyMap<Revision, number> | 'all' | 'healing'

/** What a keeper knows of its instance when it compares. */
export interface Knowledge extends Pick<Situation, 'leaving' | 'arriving' | 'strangers' | 'backingOff'> {
  /** What is wanted. */
  readonly plan: Blueprint
  readonly needs: Needs
  readonly replicas: readonly ReplicaView[]
  /** The routes that the router uses. */
  readonly inUse: RouteTable['services']
}

/** What to do about what is known. One that is held is only kept as it is found. */
export function movesFor(known: Knowledge): Moves {
  const now = situationOf(known)
  return known.plan.held ? heldMoves(now) : difference(now)
}

/** The routes that these weights make of what is known. */
export function routesFor(known: Knowledge, weights: Weights, domain: string): RouteTable['services'] {
  const { plan, replicas, leaving, inUse } = known
  const { instance, ports } = plan.record
  const routes = plan.held ? heldRoutes : serviceRoutes
  return routes({ instance, domain, ports, table: plan.table, weights, replicas, leaving, inUse })
}

/** How many replicas there are to start, stop or remove. */
export function actsIn({ start, stop, remove }: Moves): number {
  return start.length + stop.length + remove.length
}

function situationOf({ plan, needs, inUse, ...seen }: Knowledge): Situation {
  const applied = weightsOf(inUse)
  return {
    ...seen,
    table: plan.table,
    isRouted: service => plan.isRouted(service),
    isExclusive: service => plan.isExclusive(service),
    applied,
    required: row => requiredOf(row, needs, applied),
  }
}

function requiredOf(row: Row, needs: Needs, applied: Weights): number {
  if (needs === 'all') return row.replicas
  if (needs === 'healing') {
    // A service that gets no traffic at all has nothing to lose: route it, and its replicas join as they become ready.
    const any = Object.values(applied[row.service] ?? {}).some(weight => weight > 0)
    return any ? row.replicas : 0
  }
  return Math.min(row.replicas, needs.get(row.revision) ?? row.replicas)
}
