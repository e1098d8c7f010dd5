import type { Event, OneDeployment, Traffic, WatchReset } from '../../client/index.ts'
import { type Checked, checkedIn } from './findings.ts'

/** What a deployment is called by people: names and versions, where the wire has ids. */
export interface Names {
  readonly instance: string
  /** The version that served when it started. */
  readonly from?: number | undefined
  /** The version it brings. */
  readonly to?: number | undefined
  /** The deployments that come first while it waits for its turn: their ids. */
  readonly ahead?: readonly string[] | undefined
}

/** A deployment as told so far: as it was last read, and what events said since. */
export interface Story {
  readonly names: Names
  readonly deployment: OneDeployment
  /** The last place in the log that is in it. */
  readonly seq: number
  /** What it does to go back, and how far it is: the number of the step under way, counted from 1. */
  readonly undo?: { readonly names: readonly string[]; readonly step: number }
  /** What a failure left to see: the last answers of probes, the last lines of a log. */
  readonly evidence: readonly string[]
  /** How the checks of the last hold came out. */
  readonly checked?: Checked
  /** What the checks found over time, as it was last read. */
  readonly chart?: Traffic
  /** Something happened of which events do not tell all: read the deployment again. */
  readonly stale: boolean
}

/** What a story is told: an event, a gap, or how the deployment is now. */
export type Telling =
  | Event
  | WatchReset
  | { readonly type: 'read'; readonly deployment: OneDeployment; readonly names?: Names }
  | { readonly type: 'names'; readonly names: Names }
  | { readonly type: 'chart'; readonly chart: Traffic }

/** The story of a deployment as it was read. */
export function begin(deployment: OneDeployment, names: Names): Story {
  return { names, deployment, seq: Number(deployment.last_event_id), evidence: [], stale: false }
}

/** The story, told on. What it knows already changes nothing. */
export function tell(story: Story, telling: Telling): Story {
  if (telling.type === 'names') return { ...story, names: telling.names }
  if (telling.type === 'chart') return { ...story, chart: telling.chart }
  if (telling.type === 'reset') return takeUp(story, telling.deployment)
  if (telling.type === 'read') return { ...takeUp(story, telling.deployment), names: telling.names ?? story.names }
  return hear(story, telling)
}

/** Whether nothing more happens. */
export function isOver({ deployment: { state } }: Pick<Story, 'deployment'>): boolean {
  return state !== 'pending' && state !== 'running'
}

/** Whether it waits for a person. */
export function waitsForSomebody({ deployment: { state, reason } }: Pick<Story, 'deployment'>): boolean {
  return state === 'running' && (reason?.code === 'awaiting_promote' || reason?.code === 'paused')
}

function takeUp(story: Story, deployment: OneDeployment): Story {
  const seq = Number(deployment.last_event_id)
  // It was read before the last event that was told: what it says is older.
  if (deployment.id !== story.deployment.id || seq < story.seq) return story
  if (isOver(story) && (deployment.state === 'pending' || deployment.state === 'running')) return story
  // A server that was just started does not know yet that it waits. It does, until an event says that it goes on.
  const waits = seq === story.seq && deployment.state === 'running' && waitsForSomebody(story)
  const { reason } = story.deployment
  return { ...story, deployment: waits && reason ? { ...deployment, reason } : deployment, seq, stale: false }
}

function hear(story: Story, event: Event): Story {
  if (event.deployment_id !== story.deployment.id || event.seq <= story.seq) return story
  const after = { ...changed(story, event), seq: event.seq }
  return event.type.startsWith('deploy.') ? { ...after, stale: true } : after
}

function changed(story: Story, event: Event): Story {
  const { deployment } = story
  const data = event.data ?? {}
  const set = (change: Partial<OneDeployment>): Story => ({ ...story, deployment: { ...deployment, ...change } })
  const over = isOver(story)
  // Of most types nothing is to be told here, and a newer server has more of them.
  const type: string = event.type
  switch (type) {
    case 'deploy.started':
      if (deployment.state !== 'pending') return story
      return set({
        state: 'running',
        started_at: event.at,
        reason: { code: 'starting', text: 'the plan is made', since: event.at },
      })
    case 'deploy.progress':
      return over ? story : progressed(story, event)
    case 'deploy.checked': {
      const checked = checkedIn(data)
      return over || !checked ? story : { ...story, checked }
    }
    case 'deploy.paused':
      return over ? story : paused(story, event)
    case 'deploy.resumed': {
      const code = deployment.reason?.code
      if (over || (code !== 'awaiting_promote' && code !== 'paused')) return story
      return set({
        reason: { code: 'resumed', text: `goes on, says ${textOf(data['by'], 'somebody')}`, since: event.at },
      })
    }
    case 'deploy.undoing': {
      if (over) return story
      const because = textOf(data['because'], 'it failed')
      return {
        ...set({ state: 'running', reason: { code: 'undoing', text: because, since: event.at } }),
        undo: { names: textsOf(data['steps']), step: 0 },
      }
    }
    case 'deploy.succeeded':
      return set({ ...ended(deployment, event), state: 'succeeded' })
    case 'deploy.failed':
    case 'deploy.cancelled': {
      const code = textOf(data['code'], '')
      return {
        ...set({
          ...ended(deployment, event),
          state: type === 'deploy.failed' ? 'failed' : 'cancelled',
          error: textOf(data['error'], 'it did not say why'),
          ...(code === '' ? {} : { error_code: code }),
          restored: data['restored'] === true,
        }),
        evidence: textsOf(data['evidence']),
      }
    }
    case 'deploy.rolled_back':
      return deployment.state === 'succeeded' ? set({ state: 'rolled_back' }) : story
    default:
      return story
  }
}

function ended({ finished_at }: OneDeployment, event: Event): Partial<OneDeployment> {
  return { finished_at: finished_at ?? event.at, reason: undefined, allowed_actions: [] }
}

/** A step has begun, forward or back, or a strategy had something to say. */
function progressed(story: Story, event: Event): Story {
  const { deployment } = story
  const data = event.data ?? {}
  const service = data['service']
  if (typeof service === 'string') {
    const state = data['state']
    if (state !== 'pending' && state !== 'running' && state !== 'succeeded' && state !== 'failed') return story
    const service_progress = new Map(Object.entries(deployment.service_progress ?? {})).set(service, state)
    return { ...story, deployment: { ...deployment, service_progress: Object.fromEntries(service_progress) } }
  }
  const step = data['step']
  if (typeof step !== 'number') return story
  if (data['undo'] === true) {
    const names = story.undo?.names ?? []
    return { ...story, undo: { names, step: Math.max(step, story.undo?.step ?? 0) } }
  }
  // The way back has begun, or the deployment was read when it was further already.
  if (deployment.reason?.code === 'undoing' || step - 1 < (deployment.step ?? 0)) return story
  const name = textOf(data['name'], `step ${step}`)
  return {
    ...story,
    deployment: {
      ...deployment,
      state: 'running',
      step: step - 1,
      reason: { code: codeOf(data['kind']), text: name, since: event.at },
      steps: begun(deployment.steps, step - 1, event.at),
    },
  }
}

function paused(story: Story, event: Event): Story {
  const { deployment } = story
  if (deployment.reason?.code === 'undoing') return story
  const gate = event.data?.['gate']
  if (typeof gate !== 'string') {
    const reason = { code: 'paused', text: 'paused; resume it to go on', since: event.at }
    return { ...story, deployment: { ...deployment, state: 'running', reason } }
  }
  const after = progressed(story, event)
  if (after === story) return story
  const reason = { code: 'awaiting_promote', text: `waits for promote of ${gate}`, since: event.at }
  return { ...after, deployment: { ...after.deployment, reason } }
}

/** The steps, when the one at this position has begun: those before it are over. */
function begun(steps: OneDeployment['steps'], position: number, at: string): OneDeployment['steps'] {
  return steps.map(record => {
    if (record.phase !== 'forward') return record
    if (record.position === position) return { ...record, state: 'begun', began_at: record.began_at ?? at }
    if (record.position > position || record.state !== 'begun') return record
    return { ...record, state: 'done', ended_at: record.ended_at ?? at }
  })
}

/** What a deployment is busy with while it performs a step of this kind. */
function codeOf(kind: unknown): string {
  return (typeof kind === 'string' ? codes.get(kind) : undefined) ?? 'working'
}

const codes: ReadonlyMap<string, string> = new Map([
  ['prepare', 'preparing'],
  ['task', 'task'],
  ['run', 'health'],
  ['route', 'shifting'],
  ['hold', 'baking'],
  ['pause', 'awaiting_promote'],
  ['retire', 'retiring'],
])

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(text => typeof text === 'string') : []
}
