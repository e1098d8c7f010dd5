import type { Check } from '../deploy/step.ts'
import { percentileMs, type TrafficCounts } from './delta.ts'

/** What a check measures: a share from 0 to 1 and how far it is above the old one's, milliseconds, and how many times the old one's they are. */
export type Measure = 'error_rate' | 'error_rate_above_old' | 'p95_ms' | 'p95_ratio'

/** What a check says of a moment: it passes, it fails the step, or it wants to see more traffic. */
export interface Judgement {
  readonly verdict: 'pass' | 'fail' | 'wait'
  /** A sentence for the plan, the page and the error. */
  readonly text: string
  /** What was measured, and against what: a share from 0 to 1, milliseconds, or a ratio. */
  readonly value?: number
  readonly threshold?: number
  /** What `value` and `threshold` are of. */
  readonly measure?: Measure
  /** Of which service, where several move. */
  readonly service?: string
  /** Requests of the new revision that it was judged by. */
  readonly samples?: number
}

/** What the router counted while the hold lasts, for the new revision of a service and, when there is one, the old. */
export interface Observed {
  readonly new: TrafficCounts
  readonly old?: TrafficCounts
}

/** With fewer requests than this a check does not measure when it does not say another number. */
export const defaultMinRequests = 20

type Measured = Extract<Check, { type: 'errors' | 'latency' }>

/** Judges a check by what the router counted. With too little traffic it passes on health alone and says so, unless it is to wait. */
export function judge(check: Measured, observed: Observed): Judgement {
  const enough = check.minRequests ?? defaultMinRequests
  if (observed.new.requests < enough)
    return {
      ...tooLittle(check, `the new revision got ${count(observed.new)} of ${enough}`),
      samples: observed.new.requests,
    }
  const limits = check.type === 'errors' ? errorLimits(check, observed) : latencyLimits(check, observed)
  const judged = limits.map(limit => judgeLimit(limit, check, observed, enough))
  return (
    judged.find(one => one.verdict === 'fail') ??
    judged.find(one => one.verdict === 'wait') ?? {
      ...judged[0],
      verdict: 'pass',
      text: judged.map(one => one.text).join(' ') || 'It has no threshold, so it passes.',
    }
  )
}

interface Limit {
  readonly measure: Measure
  readonly value: number
  readonly threshold: number
  readonly format: (value: number) => string
  readonly what: string
  /** Whether it is measured against the old revision. */
  readonly relative: boolean
}

function judgeLimit(limit: Limit, check: Measured, { new: fresh, old }: Observed, enough: number): Judgement {
  const { measure, value, threshold, format, what, relative } = limit
  if (relative && (old?.requests ?? 0) < enough) {
    return tooLittle(check, `the old revision, to compare with, got ${old ? count(old) : 'none'} of ${enough}`)
  }
  const over = value > threshold
  const relation = over ? 'more than' : 'within'
  const text = `${what} ${format(value)} over ${count(fresh)}, ${relation} the ${format(threshold)} that the check allows.`
  return { verdict: over ? 'fail' : 'pass', text, measure, value, threshold, samples: fresh.requests }
}

function tooLittle(check: Measured, why: string): Judgement {
  return check.wait
    ? { verdict: 'wait', text: `Too little traffic (${why}), so the check goes on.` }
    : { verdict: 'pass', text: `Too little traffic (${why}), so it passes on health alone.` }
}

function errorLimits(check: Extract<Check, { type: 'errors' }>, { new: fresh, old }: Observed): Limit[] {
  const format = (share: number) => `${round(share * 100)} %`
  const limits: Limit[] = []
  if (check.maxRate !== undefined) {
    const what = 'The error rate of the new revision is'
    limits.push({ measure: 'error_rate', value: rate(fresh), threshold: check.maxRate, format, what, relative: false })
  }
  if (check.maxRateAboveOld !== undefined) {
    const what = 'The error rate of the new revision is above the old one by'
    const value = rate(fresh) - (old ? rate(old) : 0)
    limits.push({
      measure: 'error_rate_above_old',
      value,
      threshold: check.maxRateAboveOld,
      format,
      what,
      relative: true,
    })
  }
  return limits
}

function latencyLimits(check: Extract<Check, { type: 'latency' }>, { new: fresh, old }: Observed): Limit[] {
  const p95 = percentileMs(fresh, 0.95) ?? 0
  const limits: Limit[] = []
  if (check.maxP95Ms !== undefined) {
    const format = (ms: number) => (Number.isFinite(ms) ? `${round(ms)} ms` : `over ${fresh.latencyBoundsMs.at(-1)} ms`)
    limits.push({
      measure: 'p95_ms',
      value: p95,
      threshold: check.maxP95Ms,
      format,
      what: 'The p95 of the new revision is',
      relative: false,
    })
  }
  if (check.maxP95Ratio !== undefined) {
    const oldP95 = (old && percentileMs(old, 0.95)) ?? 0
    // Both above the histogram: nothing can be said against the new one.
    const value = p95 === oldP95 ? 1 : p95 / oldP95
    const format = (ratio: number) => `${round(ratio)} times`
    const what = 'The p95 of the new revision against the old one is'
    limits.push({ measure: 'p95_ratio', value, threshold: check.maxP95Ratio, format, what, relative: true })
  }
  return limits
}

function rate({ requests, errors }: TrafficCounts): number {
  return requests === 0 ? 0 : errors / requests
}

function count({ requests }: TrafficCounts): string {
  return `${requests} ${requests === 1 ? 'request' : 'requests'}`
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)))
}
