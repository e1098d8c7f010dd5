import type { Deployment } from '../deploy/deployment.ts'
import { eventOf } from '../deploy/end.ts'
import type { CheckValue } from '../deploy/history.ts'
import type { StepRecord } from '../deploy/run.ts'
import type { Check } from '../deploy/step.ts'
import { isSlipwayError } from '../errors.ts'
import type { NewEvent } from '../event/event.ts'

/**
 * The event that tells how the checks of a hold came out, to be written with its end: `deploy.checked`. None where nothing was measured, or
 * where the hold ended for another reason than its checks.
 */
export function checkedEvent(
  deployment: Deployment,
  { position, step }: Pick<StepRecord, 'position' | 'step'>,
  values: readonly CheckValue[] = [],
): NewEvent | undefined {
  if (step.kind !== 'hold' || values.length === 0) return undefined
  const verdict = values.some(value => value.verdict === 'fail') ? 'fail' : 'pass'
  const checks = values.flatMap(({ check: index, ...value }) => {
    const check = step.checks[index]
    return check ? [{ ...subjectOf(check), ...value }] : []
  })
  return eventOf('deploy.checked', deployment, { step: position + 1, name: step.name, verdict, checks })
}

/** What was found when a check failed, where this is that failure. */
export function valuesIn(error: unknown): readonly CheckValue[] {
  if (!isSlipwayError(error, 'check_failed')) return []
  const found = error.details?.['checks']
  return Array.isArray(found) ? (found as readonly CheckValue[]) : []
}

function subjectOf(check: Check): { readonly type: Check['type']; readonly check?: string } {
  // A URL may hold a password, and what it answered is told anyway.
  return check.type === 'function' ? { type: check.type, check: check.name } : { type: check.type }
}
