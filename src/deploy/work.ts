import type { AuditStore } from '../audit/entry.ts'
import type { TokenStore } from '../auth/token.ts'
import type { Clock } from '../clock.ts'
import type { Cap, EventStore } from '../event/event.ts'
import type { WebhookStore } from '../event/webhook.ts'
import type { RequestStore } from '../idempotency/requests.ts'
import type { Instance } from '../instance/instance.ts'
import type { InstanceStore } from '../instance/store.ts'
import type { SecretStore } from '../secrets/vault.ts'
import type { TaskStore } from '../task/task.ts'
import type { TenantStore } from '../tenant/store.ts'
import type { HistoryStore } from './history.ts'
import type { FrozenPlan, Run, Signal, StepRecord, UndoCause } from './run.ts'
import type { Step, Table } from './step.ts'
import type { DeployStore } from './store.ts'

/** The right to act on one instance: its row, owned by a worker under an epoch. */
export interface Claim {
  readonly instanceId: string
  readonly tenantId: string
  readonly owner: string
  readonly epoch: number
}

/** An instance with what only the engine needs. */
export interface InstanceRecord {
  readonly instance: Instance
  /** The wanted state. */
  readonly table: Table
  /** `<service>.<digest>` → highest generation given so far. */
  readonly generations: Readonly<Record<string, number>>
  /** Service → its port on the router. */
  readonly ports: Readonly<Record<string, number>>
  readonly epoch: number
  readonly owner?: string
  /** The last signal's number. */
  readonly signalSeq: number
  /** The deployment that made the current release active. */
  readonly activeDeploymentId?: string
}

/** What may change of an instance's engine side. `activeDeploymentId: null` takes it away. */
export interface WorkPatch {
  readonly table?: Table
  readonly generations?: Readonly<Record<string, number>>
  readonly ports?: Readonly<Record<string, number>>
  readonly activeDeploymentId?: string | null
}

/** How much of its history an instance keeps. */
export interface HistoryCap extends Cap {
  /** It can be gone back to so many of the releases that were active, and to so many of the newest. */
  readonly keepReleases: number
}

/** A port that an instance has. */
export interface PortReservation {
  readonly port: number
  readonly instanceId: string
  readonly purpose: string
}

/** Leases, frozen plans, steps and signals: what makes the engine's work durable. */
export interface WorkStore {
  /** Writes the worker's row. On a store that one process holds, every earlier worker is dead: their leases are freed at once. */
  registerWorker(worker: string): Promise<void>
  /** Renews the heartbeat; false when the row is gone. */
  beat(worker: string): Promise<boolean>
  /** Frees its leases and removes the row. */
  removeWorker(worker: string): Promise<void>
  /** Claims up to `limit` instances whose lease is free and whose `wakeAt` has come, released ones first; adds 1 to each epoch. */
  claimDue(worker: string, limit: number): Promise<Claim[]>
  /** Claims this one if its lease is free, due or not. */
  claim(worker: string, instanceId: string): Promise<Claim | undefined>
  /**
   * Throws `lease_lost` unless the claim still holds and its worker's heartbeat is alive. First in a transaction, it fences the rest
   * of it. Resolves to the instance's last signal number.
   */
  fence(claim: Claim): Promise<number>
  /**
   * Goes on under the next epoch, and resolves to the claim as it is then: nothing passes under the one before any more. Throws
   * `lease_lost` unless the claim still holds and its worker's heartbeat is alive, so it fences the rest of a transaction like `fence`.
   */
  advance(claim: Claim): Promise<Claim>
  /**
   * Gives the lease back. `wakeAt`: when somebody should claim it again, ms since 1970; 0 at once; null when nothing waits.
   * With `signalSeq`, only if no later signal came; says whether it was released.
   */
  release(claim: Claim, wakeAt: number | null, signalSeq?: number): Promise<boolean>
  /**
   * What runs carries epochs up to `epoch`, which this row never gave: lifts it to that, and gives the lease back as due at once, so that
   * the next claim is above them all. Never lowers it. Throws `lease_lost` unless the claim still holds.
   */
  raise(claim: Claim, epoch: number): Promise<void>
  /** Makes the instance due now. */
  wake(instanceId: string): Promise<void>
  /** When the next unclaimed instance becomes due, ms since 1970; undefined when none waits. */
  nextWake(): Promise<number | undefined>

  load(instanceId: string): Promise<InstanceRecord | undefined>
  /** Every instance that is not deleted, for the reconciler. */
  living(): Promise<string[]>
  patch(instanceId: string, patch: WorkPatch): Promise<void>
  /** Pending and running deployments of an instance, oldest first. */
  queue(instanceId: string): Promise<Run[]>
  run(deploymentId: string): Promise<Run | undefined>
  savePlan(deploymentId: string, plan: FrozenPlan): Promise<void>
  /** Only the first cause is kept; says whether this was it. */
  saveUndo(deploymentId: string, cause: UndoCause): Promise<boolean>
  saveUndoSteps(deploymentId: string, steps: readonly Step[]): Promise<void>
  saveWatched(deploymentId: string, watchedMs: number): Promise<void>
  /** Inserts the step, or updates the one at this deployment, phase and position. */
  saveStep(record: StepRecord): Promise<void>
  /** In order: forward, then undo. */
  steps(deploymentId: string): Promise<StepRecord[]>
  /** Adds a signal under the instance's next number and makes the instance due. */
  signal(signal: Omit<Signal, 'seq' | 'id' | 'at'>): Promise<Signal>
  /** A deployment's signals, in order. */
  signals(deploymentId: string): Promise<Signal[]>

  /**
   * Digests of the images an instance still needs: of its table, of what runs and waits, of its newest `keepReleases` releases and of the
   * newest that were active. None when it is deleted.
   */
  images(instanceId: string, keepReleases: number): Promise<string[]>
  /**
   * Takes plan, steps and signals from deployments that ended and are older than the cap, or too many for it; looks at `limit` of those
   * that have a plan, after the id `after`. `next`: go on after it.
   */
  shrinkRuns(cap: Cap, after: string, limit: number): Promise<{ readonly shrunk: number; readonly next?: string }>

  /**
   * Removes deployments that ended longer ago than the cap says and are not among the newest `keep` of their instance, with all that is
   * kept of them; and releases as old that no deployment is left of. Never what has not ended, what made the current release active, the
   * first version, or a release that is active, warm, or among those that can be gone back to. Looks at one instance, the next after this
   * id, and removes at most `limit`. `next`: go on after it.
   */
  pruneHistory(
    cap: HistoryCap,
    after: string,
    limit: number,
  ): Promise<{ readonly deployments: number; readonly releases: number; readonly next?: string }>

  /** Reserves a port for an instance; false when someone has it. */
  reservePort(port: number, instanceId: string, purpose: string): Promise<boolean>
  takenPorts(): Promise<Set<number>>
  /** Every reservation: who has which port, and for what. */
  reservations(): Promise<PortReservation[]>
  /** Frees the instance's ports, or those of one purpose. */
  releasePorts(instanceId: string, purpose?: string): Promise<void>
}

/** The ports of one store, inside or outside a transaction. */
export interface Stores {
  readonly deploys: DeployStore
  readonly instances: InstanceStore
  readonly events: EventStore
  readonly secrets: SecretStore
  readonly tokens: TokenStore
  readonly tenants: TenantStore
  /** Requests that may be sent again without being done again. */
  readonly requests: RequestStore
  readonly audit: AuditStore
  readonly tasks: TaskStore
  /** Webhooks and what is, or was, delivered to them. */
  readonly webhooks: WebhookStore
  readonly work: WorkStore
  readonly history: HistoryStore
}

/** A durable store. */
export interface Store extends Stores {
  /** Random, made with the database; marks everything that belongs to it. */
  readonly storeId: string
  /** Gives room back that deleted rows and old copies of pages take, a little at a time. Absent where the database does so by itself. */
  tidy?(): Promise<void>
  /** Its time, where the database has one that several processes share; leases are judged by it. */
  readonly clock?: Clock
  /**
   * Calls `heard` when other processes wrote events, with the instances these are about, as far as they are known; until the function it
   * returns is called. A hint may be lost. Absent where there are no other processes.
   */
  hints?(heard: (instanceIds: readonly string[]) => void): () => void
  /**
   * All or nothing, across deployments, instances and events. Nothing but the store is awaited inside `work`, and it changes nothing but
   * the store: it is run again when the database gave the transaction up for the sake of another one. `unavailable` with
   * `details.outcome: 'unknown'`: the connection was lost during the commit.
   */
  transaction<T>(work: (tx: Stores) => Promise<T>): Promise<T>
  close(): Promise<void>
}
