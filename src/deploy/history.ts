import type { Timestamp } from '../clock.ts'
import type { Measure } from '../health/judge.ts'
import type { Deployment, DeploymentKind } from './deployment.ts'
import type { Revision } from './step.ts'

/** What the router counted for one revision between two looks. */
export interface RevisionShare {
  readonly service: string
  readonly revision: Revision
  /** Whole percent that was wanted when it was looked at. */
  readonly set: number
  /** Percent of the service's requests that it got. Absent when the service got none. */
  readonly actual?: number
  readonly requests: number
  readonly errors: number
  /** Absent without requests, and when it is above what the router tells apart. */
  readonly p95Ms?: number
}

/** What one check of a hold found. */
export interface CheckValue {
  /** Its place among the checks of the hold. */
  readonly check: number
  readonly verdict: 'pass' | 'fail' | 'wait'
  readonly text: string
  readonly value?: number
  readonly threshold?: number
  /** What these are of. */
  readonly measure?: Measure
  /** The service that they are of: of several the one that is worst off. */
  readonly service?: string
  /** Requests that it was judged by. */
  readonly samples?: number
}

/** What was seen of a deployment at one moment. */
export interface Sample {
  readonly deploymentId: string
  readonly at: Timestamp
  /** How long before the counting began, milliseconds. */
  readonly spanMs: number
  readonly shares: readonly RevisionShare[]
  /** Of the hold it was in. `position` is the hold's. */
  readonly checks?: { readonly position: number; readonly values: readonly CheckValue[] }
}

/** How a service, or a whole instance, was. `stopped`: nothing of it was to run. */
export type SpanHealth = 'ready' | 'partly' | 'down' | 'unknown' | 'stopped'

/** A stretch of time in which the health of something did not change. */
export interface HealthSpan {
  readonly instanceId: string
  /** Absent: the instance as a whole. */
  readonly service?: string
  readonly health: SpanHealth
  readonly from: Timestamp
  /** Absent while it lasts. */
  readonly until?: Timestamp
}

/** From now on it is so. Without `health`, there is no such service any more. */
export interface HealthChange {
  readonly instanceId: string
  readonly service?: string
  readonly health?: SpanHealth
  readonly at: Timestamp
}

/** A stretch of time in which a control plane watched. */
export interface WatchSpan {
  readonly from: Timestamp
  readonly until: Timestamp
}

/** A deployment as a strip of the last ones shows it. */
export type Outcome = Pick<
  Deployment,
  'id' | 'instanceId' | 'releaseId' | 'kind' | 'state' | 'startedAt' | 'finishedAt' | 'restored' | 'error' | 'initiator'
>

/**
 * What deployments and instances leave behind to look at. Nothing is decided by it, so it is written seldom and in bulk: whoever is killed loses
 * the last second of it.
 */
export interface HistoryStore {
  addSamples(samples: readonly Sample[]): Promise<void>
  /** In the order of time. */
  samples(deploymentId: string): Promise<Sample[]>
  /** How many there are of each of these deployments; what has none is left out. */
  countSamples(deploymentIds: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Drops every other sample; the first stays. */
  thinSamples(deploymentId: string): Promise<void>

  /** Ends the spans of what changed, and begins new ones. */
  noteHealth(changes: readonly HealthChange[]): Promise<void>
  /** Spans of these instances that last. */
  lasting(instanceIds: readonly string[]): Promise<HealthSpan[]>
  /** Spans of an instance that lasted after `since`, in the order of time. */
  spans(instanceId: string, since: Timestamp): Promise<HealthSpan[]>
  /** A control plane watches, since it began and until now. */
  noteWatch(watcher: string, from: Timestamp, until: Timestamp): Promise<void>
  watches(since: Timestamp): Promise<WatchSpan[]>
  /** Removes spans and watches that ended before, at most so many of each; says how many. */
  pruneHealth(before: Timestamp, limit: number): Promise<number>

  /** These images were removed. */
  notePruned(digests: readonly string[], at: Timestamp): Promise<void>
  /** When they were removed last, by digest. */
  pruned(digests: readonly string[]): Promise<ReadonlyMap<string, Timestamp>>

  /** The newest deployments of these kinds of each of these instances, newest first. */
  outcomes(instanceIds: readonly string[], kinds: readonly DeploymentKind[], limit: number): Promise<Outcome[]>
  /** The deployments that brought these releases out. */
  broughtOut(releaseIds: readonly string[]): Promise<Outcome[]>
  /** How long each of these releases was the active one until `now`, milliseconds; one that never was is left out. */
  ranForMs(instanceId: string, releaseIds: readonly string[], now: Timestamp): Promise<ReadonlyMap<string, number>>
  /** The newest that succeeded and performed at least one step, newest first. */
  succeeded(instanceId: string, strategy: string, kind: DeploymentKind, limit: number): Promise<Outcome[]>
  /** Running deployments, with the instance of each, for whoever begins to watch. */
  running(): Promise<{ readonly id: string; readonly instanceId: string }[]>
}
