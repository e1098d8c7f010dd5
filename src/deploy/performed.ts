import type { Timestamp } from '../clock.ts'
import type { Run, StepRecord } from './run.ts'
import type { Step } from './step.ts'

/** A step of a deployment, with what has come of it so far. */
export interface PerformedStep {
  readonly phase: 'forward' | 'undo'
  readonly position: number
  /** `pending`: not begun, and never begun when the deployment has ended or is being undone. */
  readonly state: StepRecord['state'] | 'pending'
  readonly step: Step
  readonly beganAt?: Timestamp
  readonly endedAt?: Timestamp
  /** What it met: a check's values, a task's output, why it was skipped. */
  readonly note?: string
  /** Of a `run`: when every replica it wants had been started. */
  readonly runningAt?: Timestamp
}

/** The steps that were planned and those that were begun, forward and back, each once and in order. */
export function performedSteps(run: Run | undefined, records: readonly StepRecord[]): PerformedStep[] {
  const begun = (phase: StepRecord['phase']): PerformedStep[] =>
    records
      .filter(record => record.phase === phase)
      .map(({ position, state, step, beganAt, endedAt, note, runningAt }) => ({
        phase,
        position,
        state,
        step,
        beganAt,
        ...(endedAt !== undefined ? { endedAt } : {}),
        ...(note !== undefined ? { note } : {}),
        ...(runningAt !== undefined ? { runningAt } : {}),
      }))
  const whole = (phase: StepRecord['phase'], planned: readonly Step[] = []): PerformedStep[] => {
    const done = begun(phase)
    const reached = new Set(done.map(({ position }) => position))
    const toCome = planned.flatMap((step, position): PerformedStep[] =>
      reached.has(position) ? [] : [{ phase, position, state: 'pending', step }],
    )
    return [...done, ...toCome].toSorted((a, b) => a.position - b.position)
  }
  return [...whole('forward', run?.plan?.steps), ...whole('undo', run?.undoSteps)]
}
