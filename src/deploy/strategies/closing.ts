import type { Move, Row } from '../step.ts'
import { type Change, type Changes, lostPort } from './change.ts'
import { retireAll, takeDown } from './moves.ts'

/**
 * How every plan ends: what was replaced goes in reverse dependency order, and surplus replicas with it; then, when nothing that
 * depended on them has traffic any more, lost ports and removed services.
 *
 * @param warm whether the replaced revisions stay, without traffic, for a rollback
 * @param endPort how a service that loses its port leaves the revision that has it
 */
export function* closing(
  { up, ending }: Changes,
  { warm = false, endPort = takeDown }: { warm?: boolean; endPort?: (change: Change) => Iterable<Move> } = {},
): Generator<Move> {
  for (const change of up.toReversed()) {
    if (change.kind === 'same') continue
    const going = change.leaving.filter(row => !(warm && staysWarm(change, row)))
    if (!lostPort(change)) yield* retireAll(change, going)
    for (const { service, revision, replicas } of change.target) yield { kind: 'retire', service, revision, replicas }
  }
  for (const change of ending) yield* lostPort(change) ? endPort(change) : takeDown(change)
}

/** Only what was active before, and had the traffic: one route step brings it back. (Exclusive services have moved already.) */
function staysWarm({ before }: Change, row: Row): boolean {
  return row.weight > 0 && row.revision === before
}
