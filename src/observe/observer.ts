import type { Deployment } from '../deploy/deployment.ts'
import type { Step } from '../deploy/step.ts'
import type { Event } from '../event/event.ts'

/** One step of a deployment that is over. */
export interface StepEnd {
  readonly kind: Step['kind']
  readonly phase: 'forward' | 'undo'
  readonly strategy: string
  readonly outcome: 'done' | 'skipped' | 'failed'
  /** From its beginning to its end, seconds, waiting without a lease included. */
  readonly seconds: number
}

/** What is done to replicas on their platform. */
export type ReplicaAct = 'started' | 'start_failed' | 'stopped' | 'removed'

/** Who refused what somebody without the lease wanted to do. */
export type Refuser = 'store' | 'provider' | 'router'

/**
 * Is told what happens by those who do it, for metrics and traces. It is told after the fact, decides nothing, and never throws. Where there
 * is none, nothing is measured.
 */
export interface Observer {
  /** These events are on disk, in their order. */
  committed(events: readonly Event[]): void
  /** A transaction ended, waiting for its turn and for the disk included. */
  transaction(seconds: number, outcome: 'committed' | 'rolled_back'): void
  /** What had been written was flushed to disk. */
  flushed(seconds: number): void
  /** So many instances were claimed. */
  claimed(count: number): void
  /** The work on an instance was dropped: its lease was lost. */
  leaseLost(): void
  refused(by: Refuser): void
  /** A deployment's turn came. */
  started(deployment: Deployment): void
  /** It ended, at this moment (ms since 1970). */
  ended(deployment: Deployment, state: 'succeeded' | 'failed' | 'cancelled', at: number): void
  stepEnded(step: StepEnd): void
  /** A pause that someone had asked for was over after so many seconds. */
  resumed(seconds: number): void
  replicas(act: ReplicaAct, count: number): void
}
