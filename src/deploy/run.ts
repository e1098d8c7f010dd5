import type { Timestamp } from '../clock.ts'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { Deployment, ServiceDeploySpec } from './deployment.ts'
import type { Revision, Step, Table } from './step.ts'
import type { PlannedService } from './strategy.ts'

/** What was asked for, as it is kept: everything a later start or retry needs, with images resolved at the call. */
export type RunRequest =
  | {
      readonly kind: 'deploy'
      readonly services: readonly ServiceDeploySpec[]
      /** Full specs: services left out are removed, unknown ones added. */
      readonly complete: boolean
      /** All services as they were declared when no release was active, the named ones as asked for: what it brings if none is when it starts. */
      readonly declared?: readonly ServiceDeploySpec[]
      readonly expectRelease?: string
    }
  | { readonly kind: 'rollback'; readonly releaseId: string }
  | { readonly kind: 'initial' }
  | { readonly kind: 'provision'; readonly services: readonly ServiceSnapshot[] }
  | { readonly kind: 'scale'; readonly replicas: Readonly<Record<string, number>> }
  | { readonly kind: 'restart'; readonly services: readonly string[] }
  | { readonly kind: 'stop' }
  | { readonly kind: 'start' }
  | { readonly kind: 'delete' }

/** Plan, base table and everything resume and undo need, stored when the deployment starts and never made again. */
export interface FrozenPlan {
  readonly base: Table
  readonly mode: 'deploy' | 'rollback'
  readonly old: readonly PlannedService[]
  readonly next: readonly PlannedService[]
  /** Release id → its services, for every release that a row of any table of this plan is kept by. */
  readonly specs: Readonly<Record<string, readonly ServiceSnapshot[]>>
  readonly options: Readonly<Record<string, unknown>>
  /** Absent: the strategy decides while it runs. */
  readonly steps?: readonly Step[]
  /** Ready replicas of each revision of the base table when the deployment began; undo waits for no more. */
  readonly readyAtStart: Readonly<Record<Revision, number>>
  /** Replica counts to keep with the instance when it succeeds. */
  readonly replicas: Readonly<Record<string, number>>
  /** How long the replaced release is kept warm, milliseconds; 0 keeps nothing. */
  readonly keepWarmMs: number
}

/** Why a deployment is being undone; committed before the first step back. The first cause decides the end. */
export interface UndoCause {
  readonly end: 'failed' | 'cancelled'
  readonly code: string
  readonly error: string
  readonly at: Timestamp
  /** The last probe answers and log lines, secrets masked: why, not just that. */
  readonly evidence?: readonly string[]
}

/** A deployment with what only the engine needs. */
export interface Run {
  readonly deployment: Deployment
  readonly request: RunRequest
  /** The trace in which it was asked for, as W3C writes it. */
  readonly traceparent?: string
  readonly plan?: FrozenPlan
  readonly undo?: UndoCause
  /** The steps back, stored when the undo began. */
  readonly undoSteps?: readonly Step[]
  /** Watched time of the hold or pause it is in, milliseconds, as last recorded. */
  readonly watchedMs: number
}

/** One step that was begun. */
export interface StepRecord {
  readonly deploymentId: string
  readonly phase: 'forward' | 'undo'
  readonly position: number
  /** sha256 of the step: another step at this position after a crash is `plan_changed`. */
  readonly digest: string
  readonly step: Step
  readonly state: 'begun' | 'done' | 'skipped' | 'failed'
  readonly beganAt: Timestamp
  readonly endedAt?: Timestamp
  /** What it met: a check's values, a task's output, why it was skipped. */
  readonly note?: string
  /** Of a `run`: when every replica it wants had been started, and only their health was waited for. */
  readonly runningAt?: Timestamp
}

/** What someone (or a parked hold's judge) told a running deployment. */
export interface Signal {
  readonly id: string
  readonly deploymentId: string
  readonly instanceId: string
  readonly kind: 'cancel' | 'promote' | 'pause' | 'resume' | 'check_failed' | 'hold_passed'
  readonly gate?: string
  /** Subject that sent it. */
  readonly by: string
  /** Text of a failed check; `superseded by dep_…`. */
  readonly cause?: string
  /** Order within the instance; the instance's `signalSeq` is the last one given. */
  readonly seq: number
  readonly at: Timestamp
}
