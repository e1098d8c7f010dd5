import type { Replica } from '../provider/provider.ts'
import type { RouteTable } from '../router/router.ts'

/** Traces of a time the database has forgotten: it went back to an earlier one. */
export interface Ahead {
  /** The highest epoch that the database had given. */
  readonly known: number
  /** The highest epoch that was found. */
  readonly epoch: number
  /** The replicas that carry epochs which were never given, as far as the database knows. */
  readonly replicas: readonly Replica[]
  /** Whether the router uses a table of such an epoch. */
  readonly routed: boolean
}

/**
 * What of a store's carries an epoch above `known`. It comes from a time that the database has forgotten, for an epoch is written before
 * anything is done under it.
 */
export function aheadOf(
  known: number,
  storeId: string,
  ours: readonly Replica[],
  table: RouteTable | undefined,
): Ahead | undefined {
  const replicas = ours.filter(({ epoch }) => epoch > known)
  const routed = table !== undefined && table.storeId === storeId && table.epoch > known
  if (replicas.length === 0 && !routed) return undefined
  return { known, epoch: Math.max(...replicas.map(({ epoch }) => epoch), routed ? table.epoch : 0), replicas, routed }
}
