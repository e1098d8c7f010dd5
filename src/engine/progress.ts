import { createHash } from 'node:crypto'
import type { Timestamp } from '../clock.ts'
import type { Deployment, Reason, ServiceProgress } from '../deploy/deployment.ts'
import { canonicalJson } from '../deploy/revision.ts'
import type { FrozenPlan, StepRecord } from '../deploy/run.ts'
import type { Step, Table } from '../deploy/step.ts'
import { touched } from '../deploy/touched.ts'
import type { Observer } from '../observe/observer.ts'

/** Names a step by its content, so that another one at its position is noticed. */
export function stepDigest(step: Step): string {
  return createHash('sha256').update(canonicalJson(step)).digest('hex')
}

/** Service progress once a step has begun: what it moves is running. */
export function progressOf(
  progress: Readonly<Record<string, ServiceProgress>>,
  before: Table,
  step: Step,
): Record<string, ServiceProgress> {
  const moved = touched(before, step)
  return Object.fromEntries(
    Object.entries(progress).map(([service, state]) => [
      service,
      state === 'pending' && moved.has(service) ? 'running' : state,
    ]),
  )
}

/** Service progress once the step at `position` is done: a service that no later step of the plan moves is through. */
export function lastTouch(
  progress: Readonly<Record<string, ServiceProgress>>,
  plan: FrozenPlan,
  position: number,
): Record<string, ServiceProgress> {
  if (!plan.steps) return { ...progress }
  const still = new Set<string>()
  plan.steps.forEach((step, index) => {
    if (index <= position) return
    for (const service of touched(plan.steps?.[index - 1]?.table ?? plan.base, step)) still.add(service)
  })
  return Object.fromEntries(
    Object.entries(progress).map(([service, state]) => [
      service,
      state === 'running' && !still.has(service) ? 'succeeded' : state,
    ]),
  )
}

/** What a deployment is busy with while it performs the step. */
export function reasonFor(step: Step, since: Timestamp): Reason {
  switch (step.kind) {
    case 'prepare':
      return { code: 'preparing', text: step.name, since }
    case 'task':
      return { code: 'task', text: step.name, since }
    case 'run':
      return { code: 'health', text: step.name, since }
    case 'route':
      return { code: 'shifting', text: step.name, since }
    case 'hold':
      return { code: 'baking', text: step.name, since }
    case 'pause':
      return { code: 'awaiting_promote', text: `waits for promote of ${step.gate}`, since }
    case 'retire':
      return { code: 'retiring', text: step.name, since }
  }
}

/** Tells that a step forward ended. It took wall time, which outlives the process that began it; none when the clock was set back. */
export function tellStepEnd(
  { step: { kind }, state, beganAt, endedAt = beganAt }: StepRecord,
  { strategy }: Pick<Deployment, 'strategy'>,
  observer: Observer | undefined,
): void {
  if (state === 'begun') return
  const seconds = Math.max(0, Date.parse(endedAt) - Date.parse(beganAt)) / 1000
  observer?.stepEnded({ kind, phase: 'forward', strategy, outcome: state, seconds })
}
