import type { OneDeployment, Traffic } from '../../client/index.ts'

/** A step of a deployment, as it is read. */
export type StepRead = OneDeployment['steps'][number]
type Check = Traffic['checks'][number]['check']

/** What one check found, as it was told. */
export interface Finding {
  readonly type: string
  /** Of a function: its name. */
  readonly check?: string | undefined
  readonly service?: string | undefined
  readonly measure?: string | undefined
  readonly verdict: 'pass' | 'fail' | 'wait'
  readonly text: string
  readonly value?: number | undefined
  readonly threshold?: number | undefined
  readonly samples?: number | undefined
}

/** How the checks of a hold came out. */
export interface Checked {
  /** Of the hold. */
  readonly position: number
  readonly verdict: 'pass' | 'fail'
  readonly checks: readonly Finding[]
}

/** What an event says of them, as far as it does. */
export function checkedIn(data: Readonly<Record<string, unknown>>): Checked | undefined {
  const { step, verdict, checks } = data
  if (typeof step !== 'number' || !Array.isArray(checks)) return undefined
  return { position: step - 1, verdict: verdict === 'fail' ? 'fail' : 'pass', checks: checks.flatMap(findingIn) }
}

function findingIn(told: unknown): Finding[] {
  if (typeof told !== 'object' || told === null) return []
  const data = new Map(Object.entries(told))
  const words = (key: string): string | undefined => typed(data.get(key), 'string')
  const number = (key: string): number | undefined => typed(data.get(key), 'number')
  const verdict = data.get('verdict')
  return [
    {
      type: words('type') ?? 'check',
      check: words('check'),
      service: words('service'),
      measure: words('measure'),
      verdict: verdict === 'fail' || verdict === 'wait' ? verdict : 'pass',
      text: words('text') ?? '',
      value: number('value'),
      threshold: number('threshold'),
      samples: number('samples'),
    },
  ]
}

function typed(value: unknown, type: 'string'): string | undefined
function typed(value: unknown, type: 'number'): number | undefined
function typed(value: unknown, type: 'string' | 'number'): unknown {
  return typeof value === type ? value : undefined
}

/** What is measured, in one word: `error_rate`, `p95`, the name of a function. */
export function keyOf({ type, check, measure }: Pick<Finding, 'type' | 'check' | 'measure'>): string {
  return check ?? (measure === 'p95_ms' ? 'p95' : measure) ?? (type === 'errors' ? 'error_rate' : type)
}

/** A value as people read it: `0.3%`, `208ms`, `1.2x`. */
export function valueText(measure: string | undefined, value: number): string {
  const round = (number: number): string => String(Number(number.toPrecision(3)))
  switch (measure) {
    case 'error_rate':
      return `${round(value * 100)}%`
    case 'error_rate_above_old':
      return `${value < 0 ? '' : '+'}${round(value * 100)}%`
    case 'p95_ms':
      return `${round(value)}ms`
    case 'p95_ratio':
      return `${round(value)}x`
    case undefined:
    default:
      return round(value)
  }
}

/** What a check that has found nothing yet measures, and how much of it is allowed. */
export function limitOf(check: Check): { readonly measure?: string; readonly threshold?: number } {
  switch (check.type) {
    case 'errors':
      return check.max_rate === undefined
        ? limit('error_rate_above_old', check.max_rate_above_old)
        : limit('error_rate', check.max_rate)
    case 'latency':
      return check.max_p95_ms === undefined
        ? limit('p95_ratio', check.max_p95_ratio)
        : limit('p95_ms', check.max_p95_ms)
    case 'http':
    case 'function':
      return {}
  }
}

function limit(measure: string, threshold: number | undefined): { measure: string; threshold?: number } {
  return { measure, ...(threshold === undefined ? {} : { threshold }) }
}

/** All that a gate found in one line: `gate ok  error_rate=0.3% (<=1%)  samples=500`. */
export function gateLine({ verdict, checks }: Checked): string {
  const found = checks.map(one => {
    const name = keyOf(one)
    if (one.value === undefined) return `${name}: ${one.text}`
    const most = one.threshold === undefined ? '' : ` (<=${valueText(one.measure, one.threshold)})`
    const over = one.verdict === 'fail' ? ' FAILED' : ''
    return `${name}=${valueText(one.measure, one.value)}${most}${over}`
  })
  const samples = checks.flatMap(one => one.samples ?? [])
  const of = samples.length === 0 ? [] : [`samples=${Math.min(...samples)}`]
  return [`gate ${verdict === 'fail' ? 'FAILED' : 'ok'}`, ...found, ...of].join('  ')
}
