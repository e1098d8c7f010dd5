import type { Timestamp } from '../clock.ts'
import type { InstanceState } from '../instance/instance.ts'
import type { DeploymentKind, DeploymentState } from './deployment.ts'
import type { ListOptions } from './store.ts'

/** Which deployments of a tenant are listed, across instances. What is absent does not narrow. */
export interface DeploymentFilter {
  readonly instanceIds?: readonly string[]
  readonly states?: readonly DeploymentState[]
  readonly kinds?: readonly DeploymentKind[]
  readonly releaseId?: string
}

/** Which instances are listed. */
export interface InstanceFilter {
  readonly ids?: readonly string[]
  /** In any of these. */
  readonly statuses?: readonly InstanceStatusName[]
  /** Part of the name. */
  readonly name?: string
  /** Those on which this release is active. */
  readonly releaseId?: string
}

/** A state of an instance, or that someone should look at it, whatever its state. */
export type InstanceStatusName = InstanceState | 'needs_attention'

/** Deployments of every tenant that have not ended, of one state and strategy. */
export interface Backlog {
  readonly state: 'pending' | 'running'
  readonly strategy: string
  readonly count: number
  /** When the oldest of them was asked for. */
  readonly oldest: Timestamp
}

export type DeploymentListOptions = ListOptions & DeploymentFilter
export type InstanceListOptions = ListOptions & InstanceFilter

/** How many living instances and moving deployments there are, by state; what there is none of is left out. */
export interface Summary {
  readonly instances: Readonly<Partial<Record<InstanceState, number>>>
  readonly needsAttention: number
  readonly deployments: Readonly<Partial<Record<'pending' | 'running', number>>>
  /** Running deployments that wait for a person. */
  readonly waiting: number
}
