import type { OneDeployment } from '../../client/index.ts'
import type { StepRead } from './findings.ts'

/** A share of traffic on the way to all of it, with the steps that bring it there and keep it there. */
export interface Stage {
  /** Whole percent. */
  readonly percent: number
  readonly state: 'pending' | 'begun' | 'done' | 'failed'
  /** How much of it is done, 0 to 1. A hold counts by its time. */
  readonly done: number
  /** How long it took, or takes by now, milliseconds; undefined before it began. */
  readonly tookMs?: number
}

/** The ladder of a deployment whose traffic moves share by share; none when it moves at once, or not at all. `now` in milliseconds. */
export function stagesOf({ steps }: Pick<OneDeployment, 'steps'>, now: number): Stage[] {
  const forward = steps.filter(({ phase }) => phase === 'forward')
  const target = forward.at(-1)?.step.table ?? []
  const groups: { percent: number; records: StepRead[] }[] = []
  let climbing: StepRead[] = []
  for (const record of forward) {
    const share = shareOf(record, target)
    const last = groups.at(-1)
    if (share === undefined) {
      // What follows a share belongs to it until something is done for the next.
      if (last && climbing.length === 0 && isStay(record)) last.records.push(record)
      else climbing.push(record)
    } else if (last?.percent === share) last.records.push(...climbing.splice(0), record)
    else groups.push({ percent: share, records: [...climbing.splice(0), record] })
  }
  groups.at(-1)?.records.push(...climbing)
  return groups.length < 2 ? [] : groups.map(({ percent, records }) => ({ percent, ...stateOf(records, now) }))
}

/** What a route gives to the side that has everything at the end: of several services the most. */
function shareOf({ step }: StepRead, target: StepRead['step']['table']): number | undefined {
  if (step.kind !== 'route') return undefined
  const shares = Object.keys(step.weights).map(service =>
    step.table
      .filter(row => row.service === service)
      .filter(row => target.some(one => one.service === service && one.revision === row.revision && one.weight > 0))
      .reduce((sum, row) => sum + row.weight, 0),
  )
  return Math.max(0, ...shares)
}

function isStay({ step: { kind } }: StepRead): boolean {
  return kind === 'hold' || kind === 'pause' || kind === 'retire'
}

function stateOf(records: readonly StepRead[], now: number): Omit<Stage, 'percent'> {
  const began = records.find(({ began_at }) => began_at !== undefined)?.began_at
  const isEnded = ({ state }: StepRead): boolean => state === 'done' || state === 'skipped'
  const whole = records.every(isEnded)
  const ended = records.at(-1)?.ended_at
  const failed = records.some(({ state }) => state === 'failed')
  const state = failed ? 'failed' : whole ? 'done' : records.some(one => one.state !== 'pending') ? 'begun' : 'pending'
  const until = whole && ended !== undefined ? Date.parse(ended) : now
  return {
    state,
    done: records.reduce((sum, record) => sum + partOf(record, now), 0) / records.length,
    ...(began === undefined ? {} : { tookMs: Math.max(0, until - Date.parse(began)) }),
  }
}

function partOf({ state, step, began_at }: StepRead, now: number): number {
  if (state === 'done' || state === 'skipped') return 1
  if (state !== 'begun' || step.kind !== 'hold' || step.seconds <= 0 || began_at === undefined) return 0
  return Math.max(0, Math.min(1, (now - Date.parse(began_at)) / (step.seconds * 1000)))
}
