import type { Move } from '../step.ts'
import { bringsContent, type Changes } from './change.ts'
import { task } from './moves.ts'

/**
 * How every plan begins: fetch what is not there yet, so that an image that cannot be had leaves all as it was; make room of warm rows
 * that are not taken over; run the tasks that need not wait for a service this plan brings up. A plan that only changes counts keeps
 * warm rows: the release before is still the one to roll back to.
 */
export function* opening(changes: Changes): Generator<Move> {
  const all = [...changes.up, ...changes.ending]
  const missing = changes.up.flatMap(({ target, there }) =>
    target.filter(row => !there.some(now => now.revision === row.revision)),
  )
  if (missing.length > 0) {
    yield { kind: 'prepare', revisions: missing.map(({ service, revision }) => ({ service, revision })) }
  }
  if (bringsContent(changes)) {
    for (const { service, revision } of all.toReversed().flatMap(change => change.spare)) {
      yield { kind: 'retire', service, revision, replicas: 0 }
    }
  }
  for (const change of changes.up.filter(change => change.taskFirst)) yield* task(change)
}
