import type { Timestamp } from '../clock.ts'
import type { Event } from '../event/event.ts'
import type { DeploymentState } from './deployment.ts'
import { hasEnded } from './deployment.ts'
import type { WatchSpan } from './history.ts'
import type { Run, StepRecord } from './run.ts'
import type { Table } from './step.ts'
import { touched } from './touched.ts'

/** What time is spent on. `human`: it waits for a person. `away`: no control plane was there to go on. */
export type TimelinePhase =
  | 'queued'
  | 'plan'
  | 'prepare'
  | 'task'
  | 'start'
  | 'health'
  | 'shift'
  | 'hold'
  | 'human'
  | 'drain'
  | 'away'

/** A stretch of one lane. */
export interface TimelineBar {
  readonly phase: TimelinePhase
  readonly from: Timestamp
  /** Absent while it lasts. */
  readonly to?: Timestamp
  /** Of the step that it is part of. */
  readonly position?: number
  readonly name?: string
  readonly state?: StepRecord['state']
  /** It is part of the way back. */
  readonly undo?: true
  readonly note?: string
}

/** One row of bars: the deployment as a whole, or a service. */
export interface TimelineLane {
  readonly lane: 'deployment' | 'service'
  readonly service?: string
  readonly bars: readonly TimelineBar[]
}

/** Something that happened at one moment. */
export interface TimelineMark {
  readonly at: Timestamp
  readonly type: string
  /** Its place in the log of events. */
  readonly eventId: string
  readonly text?: string
}

/** Where the time of a deployment went. */
export interface Timeline {
  readonly deploymentId: string
  readonly state: DeploymentState
  readonly from: Timestamp
  /** Absent while it lasts. */
  readonly to?: Timestamp
  /** Of the lane of the deployment, up to its end or to now, milliseconds. What was without a bar is not in it. */
  readonly spentMs: Readonly<Partial<Record<TimelinePhase, number>>>
  readonly lanes: readonly TimelineLane[]
  readonly marks: readonly TimelineMark[]
  /** Its plan and steps are not kept any more: only when it waited, began and ended is known. */
  readonly pruned?: true
}

/** What a timeline is made from. */
export interface TimelineInput {
  readonly run: Run
  readonly records: readonly StepRecord[]
  readonly events: readonly Event[]
  /** When control planes watched, in the order of time. */
  readonly watches: readonly WatchSpan[]
  readonly now: number
}

/** A gap between two control planes that is shorter is no absence, milliseconds: it is written every ten seconds that one is there. */
const absentMs = 15_000

/** The timeline of a deployment, running or ended. */
export function timelineOf(input: TimelineInput): Timeline {
  const { run, events, now } = input
  const { deployment } = run
  const { createdAt, startedAt, finishedAt } = deployment
  const end = hasEnded(deployment.state) ? (finishedAt ?? createdAt) : undefined
  const queuedTo = startedAt ?? end
  const steps = barsOfSteps(input, end)
  const firstStep = steps[0]?.bar.from ?? run.undo?.at
  const whole: TimelineBar[] = [
    { phase: 'queued', from: createdAt, ...(queuedTo === undefined ? {} : { to: queuedTo }) },
    ...(startedAt === undefined || (firstStep === undefined && end !== undefined) || firstStep === startedAt
      ? []
      : [{ phase: 'plan' as const, from: startedAt, ...(firstStep === undefined ? {} : { to: firstStep }) }]),
    ...steps.map(({ bar }) => bar),
    ...requestedPauses(events, end),
    ...absences(input, end),
  ]
  const bars = whole.toSorted((a, b) => a.from.localeCompare(b.from))
  const services = new Set(steps.flatMap(step => [...step.services]))
  const pruned = startedAt !== undefined && hasEnded(deployment.state) && !run.plan && deployment.kind !== 'initial'
  return {
    deploymentId: deployment.id,
    state: deployment.state,
    from: createdAt,
    ...(end === undefined ? {} : { to: end }),
    spentMs: spent(bars, now),
    lanes: [
      { lane: 'deployment', bars },
      ...[...services].map(service => ({
        lane: 'service' as const,
        service,
        bars: steps.filter(step => step.services.has(service)).map(({ bar }) => bar),
      })),
    ],
    marks: events.map(markOf),
    ...(pruned ? { pruned: true as const } : {}),
  }
}

/** How long a deployment waited for a person until `now`, milliseconds, and whether it does so now. */
export function humanWaits(input: Omit<TimelineInput, 'watches'>): { readonly ms: number; readonly waits: boolean } {
  const { run, events, now } = input
  const end = hasEnded(run.deployment.state) ? run.deployment.finishedAt : undefined
  const bars = [
    ...barsOfSteps({ ...input, watches: [] }, end).map(({ bar }) => bar),
    ...requestedPauses(events, end),
  ].filter(({ phase }) => phase === 'human')
  return {
    ms: bars.reduce((sum, bar) => sum + lengthOf(bar, now), 0),
    waits: bars.some(({ to }) => to === undefined),
  }
}

interface StepBar {
  readonly bar: TimelineBar
  readonly services: ReadonlySet<string>
}

function barsOfSteps({ run, records }: TimelineInput, end: Timestamp | undefined): StepBar[] {
  let before: Table = run.plan?.base ?? []
  return records.flatMap(record => {
    const services = touched(before, record.step)
    before = record.step.table
    // One that was cut short ends with what cut it: the cause of the undo, or the end.
    const cut = record.phase === 'forward' ? (run.undo?.at ?? end) : end
    const to = record.endedAt ?? cut
    return barsOf(record, to).map(bar => ({ bar, services: servicesOf(record, services) }))
  })
}

/** Holds and pauses move nothing, and are of all services that have traffic on two revisions. */
function servicesOf({ step }: StepRecord, moved: ReadonlySet<string>): ReadonlySet<string> {
  if (step.kind !== 'hold' && step.kind !== 'pause') return moved
  const rows = Map.groupBy(step.table, row => row.service)
  return new Set([...rows].filter(([, own]) => own.length > 1).map(([service]) => service))
}

function barsOf(record: StepRecord, to: Timestamp | undefined): TimelineBar[] {
  const { step, position, state, phase, beganAt, runningAt, note } = record
  const told = {
    position,
    name: step.name,
    state,
    ...(phase === 'undo' ? { undo: true as const } : {}),
    ...(note === undefined ? {} : { note }),
  }
  const until = to === undefined ? {} : { to }
  switch (step.kind) {
    case 'prepare':
      return [{ phase: 'prepare', from: beganAt, ...until, ...told }]
    case 'task':
      return [{ phase: 'task', from: beganAt, ...until, ...told }]
    case 'run':
      if (runningAt === undefined) return [{ phase: 'start', from: beganAt, ...until, ...told }]
      return [
        { phase: 'start', from: beganAt, to: runningAt, ...told },
        { phase: 'health', from: runningAt, ...until, ...told },
      ]
    case 'route':
      return [{ phase: 'shift', from: beganAt, ...until, ...told }]
    case 'hold':
      return [{ phase: 'hold', from: beganAt, ...until, ...told }]
    case 'pause':
      return [{ phase: 'human', from: beganAt, ...until, ...told }]
    case 'retire':
      return [{ phase: 'drain', from: beganAt, ...until, ...told }]
  }
}

/** Pauses that someone asked for lie between two steps, and are told by events alone. */
function requestedPauses(events: readonly Event[], end: Timestamp | undefined): TimelineBar[] {
  const bars: TimelineBar[] = []
  let since: Timestamp | undefined
  for (const { type, at, data } of events) {
    if (type === 'deploy.paused' && data?.['by'] === 'request') since ??= at
    else if (since !== undefined && (type === 'deploy.resumed' || type === 'deploy.undoing')) {
      bars.push({ phase: 'human', from: since, to: at, name: 'paused by request' })
      since = undefined
    }
  }
  if (since !== undefined) {
    bars.push({ phase: 'human', from: since, name: 'paused by request', ...(end === undefined ? {} : { to: end }) })
  }
  return bars
}

/** Between two control planes nothing went on. */
function absences({ run, watches, now }: TimelineInput, end: Timestamp | undefined): TimelineBar[] {
  const from = Date.parse(run.deployment.createdAt)
  const until = end === undefined ? now : Date.parse(end)
  const bars: TimelineBar[] = []
  let watched = Number.NEGATIVE_INFINITY
  for (const watch of watches) {
    const began = Date.parse(watch.from)
    if (Number.isFinite(watched) && began - watched > absentMs && began > from && watched < until) {
      const [a, b] = [Math.max(from, watched), Math.min(until, began)]
      bars.push({ phase: 'away', from: new Date(a).toISOString(), to: new Date(b).toISOString() })
    }
    watched = Math.max(watched, Date.parse(watch.until))
  }
  return bars
}

function spent(bars: readonly TimelineBar[], now: number): Timeline['spentMs'] {
  const sums: Partial<Record<TimelinePhase, number>> = {}
  for (const bar of bars) sums[bar.phase] = (sums[bar.phase] ?? 0) + lengthOf(bar, now)
  return sums
}

function lengthOf({ from, to }: TimelineBar, now: number): number {
  return Math.max(0, (to === undefined ? now : Date.parse(to)) - Date.parse(from))
}

function markOf({ id, at, type, data }: Event): TimelineMark {
  const words = [data?.['name'], data?.['error'], data?.['because'], data?.['message']]
  const text = words.find(word => typeof word === 'string')
  return { at, type, eventId: id, ...(text === undefined ? {} : { text }) }
}
