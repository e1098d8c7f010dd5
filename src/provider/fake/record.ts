import type { Replica, RevisionSpec, TaskResult } from '../provider.ts'
import type { Happening } from './replica.ts'

/** The calls of a provider that faults can be scripted for. */
export type FakeMethod =
  | 'resolve'
  | 'prepare'
  | 'has'
  | 'prune'
  | 'start'
  | 'stop'
  | 'runTask'
  | 'stopTask'
  | 'observe'
  | 'exec'
  | 'probe'
  | 'logs'
  | 'forget'
  | 'check'

/** A call that changed something, or tried to. */
export interface FakeCall {
  /** Monotonic milliseconds of the world's clock. */
  readonly at: number
  /** `kill` and `remove` are the later requests of a stop. */
  readonly method: 'start' | 'stop' | 'kill' | 'remove' | 'runTask' | 'stopTask' | 'forget'
  readonly instanceId: string
  readonly storeId: string
  readonly epoch: number
  readonly args: readonly unknown[]
  /** `refused`: its epoch was below one the world had seen. */
  readonly outcome: 'accepted' | 'refused'
}

/** Something that happened to a replica. */
export interface FakeHappening {
  readonly at: number
  readonly what: Happening
  readonly instanceId: string
  readonly replica: Replica
}

/** How a task will end, and the way to end it before. */
export interface RunningTask {
  readonly result: Promise<TaskResult>
  readonly stop: AbortController
}

/** A task that ran. */
export interface FakeTask {
  readonly instanceId: string
  readonly service: string
  readonly name: string
}

/** A replica that is there though nobody asked for it: a stranger's, or one from a future the database has forgotten. */
export interface Plant {
  readonly spec: RevisionSpec
  readonly ordinal: number
  readonly storeId: string
  readonly epoch: number
}
