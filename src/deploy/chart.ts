import type { Timestamp } from '../clock.ts'
import type { CheckValue, Sample } from './history.ts'
import type { Run, StepRecord } from './run.ts'
import type { Check, Revision, Table } from './step.ts'
import { isNew } from './table.ts'

/** How one revision's share was set, and what it really got. */
export interface RevisionChart {
  readonly revision: Revision
  readonly releaseId: string
  /** `new`: what the deployment moves traffic to, also where it was found warm. */
  readonly side: 'old' | 'new'
  /** Whole percent, from each moment on. */
  readonly set: readonly { readonly at: Timestamp; readonly weight: number }[]
  /** What it got in the `seconds` before each moment. There is none of a time in which the service got no requests. */
  readonly actual: readonly {
    readonly at: Timestamp
    readonly seconds: number
    readonly weight: number
    readonly requests: number
    readonly errors: number
    readonly p95Ms?: number
  }[]
}

/** One check of one hold over time. */
export interface CheckChart {
  /** Of the hold. */
  readonly position: number
  readonly check: Check
  readonly values: readonly (Omit<CheckValue, 'check'> & { readonly at: Timestamp })[]
}

/** Traffic and checks of a deployment over time. */
export interface TrafficChart {
  readonly deploymentId: string
  readonly services: readonly { readonly service: string; readonly revisions: readonly RevisionChart[] }[]
  readonly checks: readonly CheckChart[]
}

/** The charts of a deployment: how weights were set is told by its steps, the rest was looked at while it ran. */
export function chartOf(run: Run, records: readonly StepRecord[], samples: readonly Sample[]): TrafficChart {
  const { plan, deployment } = run
  const begun: { at: Timestamp; table: Table }[] = [
    ...(plan && deployment.startedAt !== undefined ? [{ at: deployment.startedAt, table: plan.base }] : []),
    ...records.map(record => ({ at: record.beganAt, table: record.step.table })),
  ]
  const rows = begun.flatMap(({ table }) => table)
  const routed = new Set(rows.filter(row => row.weight > 0).map(row => row.service))
  const services = [...routed].map(service => {
    const own = new Map(rows.filter(row => row.service === service).map(row => [row.revision, row.release]))
    return {
      service,
      revisions: [...own].map(
        ([revision, releaseId]): RevisionChart => ({
          revision,
          releaseId,
          side: plan && isNew({ service, revision }, plan) ? 'new' : 'old',
          set: staircase(begun, service, revision),
          actual: samples.flatMap(sample => actualOf(sample, service, revision)),
        }),
      ),
    }
  })
  return { deploymentId: deployment.id, services, checks: checksOf(records, samples) }
}

/** The moments at which a weight changed. */
function staircase(
  begun: readonly { at: Timestamp; table: Table }[],
  service: string,
  revision: Revision,
): RevisionChart['set'] {
  const set: { at: Timestamp; weight: number }[] = []
  for (const { at, table } of begun) {
    const weight = table.find(row => row.service === service && row.revision === revision)?.weight ?? 0
    const last = set.at(-1)?.weight
    if ((last ?? 0) === weight) continue
    set.push({ at, weight })
  }
  return set
}

function actualOf({ at, spanMs, shares }: Sample, service: string, revision: Revision): RevisionChart['actual'] {
  const share = shares.find(one => one.service === service && one.revision === revision)
  if (share?.actual === undefined) return []
  const { actual: weight, requests, errors, p95Ms } = share
  return [{ at, seconds: spanMs / 1000, weight, requests, errors, ...(p95Ms === undefined ? {} : { p95Ms }) }]
}

function checksOf(records: readonly StepRecord[], samples: readonly Sample[]): CheckChart[] {
  return records.flatMap(({ phase, position, step }) => {
    if (phase !== 'forward' || step.kind !== 'hold') return []
    return step.checks.map((check, index) => ({
      position,
      check,
      values: samples.flatMap(({ at, checks }) =>
        checks?.position === position
          ? checks.values.filter(one => one.check === index).map(one => valueAt(at, one))
          : [],
      ),
    }))
  })
}

function valueAt(
  at: Timestamp,
  { verdict, text, value, threshold, measure, service, samples }: CheckValue,
): CheckChart['values'][number] {
  return {
    at,
    verdict,
    text,
    ...(value === undefined ? {} : { value }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(measure === undefined ? {} : { measure }),
    ...(service === undefined ? {} : { service }),
    ...(samples === undefined ? {} : { samples }),
  }
}
