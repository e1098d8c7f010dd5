import type { Timestamp } from '../clock.ts'
import type { ServiceSpec } from '../instance/service.ts'

/** The six states of a deployment. */
export type DeploymentState = 'pending' | 'running' | 'succeeded' | 'failed' | 'rolled_back' | 'cancelled'

/** How far one service of a deployment is. */
export type ServiceProgress = 'pending' | 'running' | 'succeeded' | 'failed'

/** What asked for the run. Only the first three are rollouts with a release of their own; the others are runs of the same engine. */
export type DeploymentKind =
  | 'deploy'
  | 'rollback'
  | 'initial'
  | 'provision'
  | 'scale'
  | 'restart'
  | 'stop'
  | 'start'
  | 'delete'

/** A service as a deploy names it: the fields that change. `digest` is what the image's name meant at the call. */
export interface ServiceDeploySpec extends Partial<Omit<ServiceSpec, 'name' | 'image'>> {
  readonly name: string
  readonly image: string
  readonly digest?: string
  /** Only for a service that a complete deploy adds. */
  readonly replicas?: number
}

/** What a running deployment is busy with or waits for. */
export interface Reason {
  readonly code:
    | 'queued'
    | 'starting'
    | 'preparing'
    | 'task'
    | 'health'
    | 'shifting'
    | 'baking'
    | 'awaiting_promote'
    | 'paused'
    | 'retiring'
    | 'undoing'
  readonly text: string
  readonly since: Timestamp
}

/** One rollout on one instance. */
export interface Deployment {
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  readonly tenantId: string
  readonly instanceId: string
  readonly releaseId: string
  readonly kind: DeploymentKind
  readonly state: DeploymentState
  /** Name of the strategy that carries it out. */
  readonly strategy: string
  /** The strategy's options as asked for. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Only the services this rollout changes. */
  readonly services: readonly ServiceDeploySpec[]
  readonly serviceProgress?: Readonly<Record<string, ServiceProgress>>
  /** The provider's handle for what was rolled out. */
  readonly providerRef?: string
  readonly startedAt?: Timestamp
  readonly finishedAt?: Timestamp
  /** Why it failed, in one sentence a person can act on. */
  readonly error?: string
  /** The stable code of `error`. */
  readonly errorCode?: string
  /** Subject that asked for it. */
  readonly initiator: string
  readonly notes?: string
  readonly commitSha?: string
  /** The release that was active when it started. */
  readonly fromReleaseId?: string
  /** After a failure or a cancel: whether what served before serves again. */
  readonly restored?: boolean
  /** The rollback that replaced this deployment's release. */
  readonly rolledBackBy?: string
  /** The deployment of which this is another try. */
  readonly retryOf?: string
  readonly reason?: Reason
  /** How many steps of the plan are done, and how many there are. */
  readonly step?: number
  readonly stepCount?: number
}

/** Whether nothing can change any more but `succeeded` to `rolled_back`. */
export function hasEnded(state: DeploymentState): boolean {
  return state !== 'pending' && state !== 'running'
}
