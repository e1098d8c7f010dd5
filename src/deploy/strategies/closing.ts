import type { Move, Row } from '../step.ts'
import { type Change, type Changes, lostPort } from './change.ts'
import { retireAll, takeDown } from './moves.ts'

/**
 * How every plan ends: what goes, goes in reverse dependency order; surplus replicas go with it, and removed services last, when what
 * depended on them has no traffic any more.
 *
 * @param warm whether the replaced revisions stay, without traffic, for a rollback
 */
export function* closing({ up, removed }: Changes, warm: boolean): Generator<Move> {
  for (const change of up.toReversed()) {
    if (change.kind === 'same') continue
    const going = change.leaving.filter(row => !(warm && staysWarm(change, row)))
    yield* lostPort(change) ? takeDown(change) : retireAll(change, going)
    for (const { service, revision, replicas } of change.target) yield { kind: 'retire', service, revision, replicas }
  }
  for (const change of removed) yield* takeDown(change)
}

/** Only what was active before, and only where it could take traffic back by a route step alone. */
function staysWarm({ wasRouted, routed, exclusive, before }: Change, row: Row): boolean {
  return wasRouted && routed && !exclusive && row.weight > 0 && row.revision === before
}
