import type { Timestamp } from '../clock.ts'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { Deployment, DeploymentKind, DeploymentState } from './deployment.ts'
import type { Backlog, DeploymentListOptions } from './find.ts'
import type { Release } from './release.ts'
import type { RunRequest } from './run.ts'

/** A page: `cursor` is what the page before said was next; `limit` is 1 to 200, default 20. */
export interface ListOptions {
  readonly cursor?: string
  readonly limit?: number
}

/** One page, newest first. `nextCursor` is absent on the last one; `total` counts everything, up to a bound: see `totalIsAtLeast`. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor?: string
  readonly total: number
  /**
   * There are more than `total`: what no counter counts is counted up to 10,000. Lists of the deployments and releases of one instance are
   * always counted to the end.
   */
  readonly totalIsAtLeast?: true
}

export type DeployListResult = Page<Deployment>
export type ReleaseListResult = Page<Release>

/** What may change of a deployment; `null` takes an optional field away. */
export type DeploymentPatch = {
  readonly [K in keyof Omit<Deployment, 'id' | 'tenantId' | 'instanceId' | 'createdAt' | 'kind'>]?:
    | Deployment[K]
    | (undefined extends Deployment[K] ? null : never)
}

/** Keeps deployments and releases. Every read has the tenant in its WHERE: another tenant's id is one that does not exist. */
export interface DeployStore {
  /** Writes a new deployment with the request it came from, and the trace (W3C `traceparent`) in which it was asked for; counts it. */
  insertDeployment(deployment: Deployment, request: RunRequest, traceparent?: string): Promise<void>
  getDeployment(tenantId: string, id: string): Promise<Deployment | undefined>
  /** Compare-and-set: changes the deployment only while its state is one of `from`; says whether it did. */
  updateDeployment(id: string, from: readonly DeploymentState[], patch: DeploymentPatch): Promise<boolean>
  /** Newest first. `kinds` default: deploy, rollback and initial; `total` counts those. */
  listDeployments(
    tenantId: string,
    instanceId: string,
    options?: ListOptions & { readonly kinds?: readonly DeploymentKind[] },
  ): Promise<DeployListResult>
  /** Across instances of a tenant, newest first. */
  listByState(tenantId: string, states: readonly DeploymentState[], options?: ListOptions): Promise<DeployListResult>
  /** Across instances, newest first; `*` lists those of every tenant. `kinds` default: all. */
  findDeployments(tenantId: string, options?: DeploymentListOptions): Promise<DeployListResult>
  /** What has not ended, of all tenants: how many, and since when the oldest waits. */
  backlog(): Promise<Backlog[]>

  insertRelease(release: Release): Promise<void>
  getRelease(tenantId: string, id: string): Promise<Release | undefined>
  listReleases(tenantId: string, instanceId: string, options?: ListOptions): Promise<ReleaseListResult>
  /** Takes the next version of the instance: a counter, so without gaps or duplicates under any concurrency. */
  nextReleaseVersion(tenantId: string, instanceId: string): Promise<number>
  /** The release with the lowest version. */
  firstRelease(tenantId: string, instanceId: string): Promise<Release | undefined>
  activeRelease(tenantId: string, instanceId: string): Promise<Release | undefined>
  /** Fills in what the release inherits. Once. */
  sealRelease(id: string, services: readonly ServiceSnapshot[], at: Timestamp): Promise<void>
  /** Makes this the one active release of its instance. */
  activateRelease(instanceId: string, releaseId: string, at: Timestamp): Promise<void>
}
