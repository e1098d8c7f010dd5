import { type CheckFunction, validateCheck } from '../health/checks.ts'
import type { Check } from './step.ts'

/**
 * Refuses options that name a check which could never be carried out, such as a function that is not registered: at the call, not in
 * the middle of a canary.
 *
 * @throws SlipwayError `bad_options`
 */
export function requireChecks(
  options: Readonly<Record<string, unknown>>,
  functions: Readonly<Record<string, CheckFunction>>,
): void {
  for (const check of checksIn(options)) validateCheck(check, functions)
}

/** Every check in a strategy's options: its own, and those of its steps. */
function checksIn(options: Readonly<Record<string, unknown>>): Check[] {
  const own = Array.isArray(options['checks']) ? (options['checks'] as Check[]) : []
  const steps = Array.isArray(options['steps']) ? (options['steps'] as unknown[]) : []
  const deeper = steps.filter(step => typeof step === 'object' && step !== null) as Record<string, unknown>[]
  return [...own, ...deeper.flatMap(checksIn)]
}
