import type { DeploymentState } from '../../deploy/deployment.ts'

/** Everything the screen shows, as data. Whoever runs the scenario makes one; the drawing knows nothing else. */
export interface DemoState {
  readonly title: string
  readonly elapsedMs: number
  /** How many acts the scenario has, to number them. */
  readonly acts: number
  readonly services: readonly ServiceView[]
  /** The deployment that runs, if one does. */
  readonly current?: CurrentDeployment
  readonly traffic: TrafficView
  /** Oldest first. */
  readonly finished: readonly FinishedDeployment[]
  /** What is happening, when no deployment runs. */
  readonly note?: string
}

/** A service and the revisions of it that exist, oldest first. */
export interface ServiceView {
  readonly name: string
  /** Has a port, so traffic is routed to it. */
  readonly routed: boolean
  readonly revisions: readonly RevisionView[]
}

export interface RevisionView {
  /** The version people know it by: `2`. */
  readonly version: string
  /** Replicas that are ready, and that are wanted. */
  readonly ready: number
  readonly wanted: number
  /** Whole percent of the traffic it is meant to get. */
  readonly weight: number
  /** Kept ready without traffic, for a rollback. */
  readonly warm?: boolean
  /** Share of the answers of the last moments that came from it, 0 to 1. Absent: nothing measured. */
  readonly share?: number
}

export interface CurrentDeployment {
  /** Its number in the scenario, from 1. */
  readonly act: number
  /** What it does: `web 1 → 2`. */
  readonly what: string
  readonly strategy: string
  /** Name of the step it is at. */
  readonly step: string
  readonly stepNumber: number
  readonly stepCount: number
  readonly percent: number
  readonly undoing?: boolean
  /** What it waits for, or why it is being undone. */
  readonly detail?: string
}

export interface TrafficView {
  readonly sent: number
  readonly lost: number
  readonly appErrors: number
  /** Over the last moments. */
  readonly perSecond: number
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly webSockets: number
}

/** One line of the final table. */
export interface FinishedDeployment {
  readonly act: number
  readonly what: string
  readonly strategy: string
  readonly state: DeploymentState
  /** What the scenario expected. */
  readonly expected: DeploymentState
  /** The code of its error, and the one the scenario expected. */
  readonly cause?: string
  readonly expectedCause?: string
  readonly restored?: boolean
  readonly ms: number
  /** Sent and lost while it ran. */
  readonly sent: number
  readonly lost: number
  /** Why it ended as it did. */
  readonly error?: string
}

/** What is known at the very end. */
export interface DemoEnd {
  readonly finished: readonly FinishedDeployment[]
  readonly sent: number
  readonly lost: number
  readonly appErrors: number
  /** The first losses, as the load generator tells them; those that were shown already are left out. */
  readonly losses: readonly string[]
  /** From the call of the warm rollback to the last request routed to the old revision. */
  readonly rollbackMs?: number
}
