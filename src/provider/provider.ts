import type { Timestamp } from '../clock.ts'
import type { Revision } from '../deploy/step.ts'
import type { HealthCheck } from '../health/check.ts'
import type { Resources, ServicePort, Volume } from '../instance/service.ts'

/** What a provider may be able to do; a service that needs one that is missing is refused with `missing_capability`. */
export type Capability = 'volumes' | 'resources' | 'user' | 'command-probe'

/** What an image's name meant when it was asked. */
export interface ResolvedImage {
  /** As given; where the name moves (a tag, a range), the one it meant now. This is what the release says. */
  readonly image: string
  /** Content address: equal content, equal digest. */
  readonly digest: string
  /** Why a service must say what to run itself, and how; absent when the image says it, or it is not known yet. */
  readonly needsCommand?: { readonly why: string; readonly next: string }
}

/** Everything replicas of one revision are made of. Secrets are values here, and only here. */
export interface RevisionSpec {
  readonly tenantId: string
  readonly instanceId: string
  readonly service: string
  readonly revision: Revision
  readonly image: string
  readonly digest: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Environment variable → secret value. */
  readonly secrets: Readonly<Record<string, string>>
  /** Variable → router address for `$URL_<SERVICE>`: `{ URL_API: 'http://127.0.0.1:20417' }`. Expanded in command, args and env. */
  readonly urls: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  readonly volumes?: readonly Volume[]
  readonly resources?: Resources
  readonly user?: string
}

/** No single request that changes something outlives this, and none starts later than this before the lease runs out, milliseconds. */
export const callMs = 2000

/**
 * Who acts, and until when they may. Every call that changes what runs or routes takes one: a provider that can compare refuses an
 * epoch below the highest it saw, and marks what it makes with (storeId, epoch).
 */
export interface Fence {
  readonly storeId: string
  readonly instanceId: string
  readonly epoch: number
  /** Aborted when the lease is lost or given up. */
  readonly signal: AbortSignal
  /** Throws `lease_lost` when a request begun now could outlive the lease. Call before each single mutating request. */
  check(): void
}

/** Where a replica's life is. `unknown`: the platform does not say right now. */
export type ReplicaState = 'starting' | 'running' | 'stopping' | 'exited' | 'unknown'

/** One copy of a revision, as observed. */
export interface Replica {
  /** Unique for this start of the replica; a name that is used again has another id. */
  readonly id: string
  /** service.revision.ordinal, which is service.digest.generation.ordinal. */
  readonly name: string
  readonly service: string
  readonly revision: Revision
  readonly ordinal: number
  readonly state: ReplicaState
  readonly exitCode?: number
  /** Where its ports are reached, by name of the port. */
  readonly addresses: Readonly<Record<string, Address>>
  readonly startedAt: Timestamp
  readonly storeId: string
  /** The epoch under which it was started. */
  readonly epoch: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface TaskResult {
  readonly exitCode: number
  /** The last lines it wrote. */
  readonly output: readonly string[]
  /** It ended before it was through, with no exit code of its own: the machine stopped in the middle of it, or the platform took it away. */
  readonly interrupted?: true
}

export interface LogQuery {
  readonly instanceId: string
  readonly service?: string
  readonly replicaName?: string
  /** Only the last so many lines. */
  readonly tail?: number
  /** Only lines at or after this moment. */
  readonly since?: Timestamp
  /** Go on with new lines until the signal is aborted. */
  readonly follow?: boolean
}

export interface LogLine {
  readonly at: Timestamp
  readonly service: string
  /** The replica's name; of a task `<service>.task.<name>`. */
  readonly replica: string
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

/** What came of asking a replica how it is: whether the check was met, and what it said, in a few words: `503 Service Unavailable`. */
export interface ProbeAnswer {
  readonly ok: boolean
  readonly text: string
}

export interface ProviderHealth {
  readonly ok: boolean
  readonly message: string
}

/** Told while something is fetched: percent 0 to 100. */
export type PrepareProgress = (percent: number, message: string) => void

/**
 * Makes replicas exist. Knows nothing of strategies or traffic. Every call takes an AbortSignal; `resolve` and `prepare` only fill a
 * content-addressed cache and need no fence.
 */
export interface Provider {
  readonly name: string
  readonly capabilities: ReadonlySet<Capability>
  /** Look-up only, before anything is written. Throws `image_unavailable`. */
  resolve(image: string, signal?: AbortSignal): Promise<ResolvedImage>
  /** Fetches what the revision needs. Throws `image_unavailable` or `image_gone`. */
  prepare(revision: RevisionSpec, onProgress: PrepareProgress, signal: AbortSignal): Promise<void>
  /** Whether what the provider keeps of an image is there, so that a rollback can be refused before anything is written. Absent: it keeps nothing. */
  has?(digest: string, signal?: AbortSignal): Promise<boolean>
  /**
   * Removes what it keeps of images, but for these digests, for what runs, and for what was resolved, prepared or asked for within `idleMs`:
   * somebody may have resolved an image and not have written that down yet. Resolves to the digests removed. Safe to be killed in.
   */
  prune?(keep: ReadonlySet<string>, idleMs: number, signal?: AbortSignal): Promise<readonly string[]>
  /** Idempotent by replica name. Returns when asked for, not when ready. */
  start(revision: RevisionSpec, ordinals: readonly number[], fence: Fence): Promise<void>
  /** SIGTERM, observe, SIGKILL after `graceMs`, remove by id. Returns when they are gone; unknown ids are gone already. */
  stop(instanceId: string, replicaIds: readonly string[], graceMs: number, fence: Fence): Promise<void>
  /** Runs a command in the revision's image and environment. A task of this name that ended already is not run again: its result is returned. One that was interrupted says so, and is not run again either; under another name it is. */
  runTask(revision: RevisionSpec, command: readonly string[], name: string, fence: Fence): Promise<TaskResult>
  /** Ends a task that runs: SIGTERM, SIGKILL after `graceMs`. Returns when it ends; one that is not there, or has ended, is ended already. Who waits for it is told how it ended. */
  stopTask(instanceId: string, service: string, name: string, graceMs: number, fence: Fence): Promise<void>
  /** Everything that runs for the instance, exited replicas included until they are stopped. An API error is an error, never []. */
  observe(instanceId: string, signal?: AbortSignal): Promise<Replica[]>
  /** Runs a probe command beside a replica; resolves to its exit code and last output. Only with `command-probe`. */
  exec?(replica: Replica, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<TaskResult>
  /**
   * Asks the replica how it is, once. For providers whose platform answers health itself: where it is there, it replaces probes over the
   * network. Throws when the platform does not answer, which makes the replica's health `unknown`.
   */
  probe?(replica: Replica, check: HealthCheck, signal: AbortSignal): Promise<ProbeAnswer>
  /** Whether the socket that listens on this port of the machine belongs to the replica, where that can be told: a stranger that answers is not readiness. */
  owns?(replica: Replica, port: number): Promise<boolean>
  /** Tells when something of an instance may have changed (a hint); returns a function that ends it. */
  watch?(onChange: (instanceId: string) => void): () => void
  logs(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogLine>
  /** Removes what the instance leaves behind when it is deleted: data folders, logs, reservations. */
  forget(instanceId: string, fence: Fence): Promise<void>
  check(signal?: AbortSignal): Promise<ProviderHealth>
  /** Lets go of handles; replicas run on. */
  close(): Promise<void>
}

/** What a custom strategy sees of the provider: its start and stop are performed as run and retire steps. */
export interface ProviderView {
  readonly name: string
  readonly capabilities: ReadonlySet<Capability>
  observe(): Promise<Replica[]>
  /** Performed as a `run` step. */
  start(service: string, replicas: number): Promise<void>
  /** Performed as a `retire` step: `remaining` stay. */
  stop(service: string, revision: Revision, remaining: number): Promise<void>
}
