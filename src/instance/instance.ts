import type { Timestamp } from '../clock.ts'
import type { DeclaredService } from './service.ts'

export type InstanceState =
  | 'provisioning'
  | 'running'
  | 'failed'
  | 'stopping'
  | 'stopped'
  | 'starting'
  | 'deleting'
  | 'deleted'

/** What to do with a deploy while another one runs or waits. */
export type BusyPolicy = 'queue' | 'reject' | 'supersede'

/** What an instance wants of its rollouts when the request does not say. Times in milliseconds. */
export interface InstancePolicies {
  /** Strategy of a deploy. Default `rolling`. */
  readonly strategy?: string
  readonly ifBusy?: BusyPolicy
  /** A step fails when no replica made progress for this long. Default 600 000. */
  readonly progressDeadlineMs?: number
  /** A pause without seconds is undone after this. Default 7 days. */
  readonly pauseDeadlineMs?: number
  /** How long requests in flight may take once their replica is to stop. Default 30 000. */
  readonly drainMs?: number
  /** Cookie that keeps a client on the revision it met first. */
  readonly stickyCookie?: string
}

export const policyDefaults = {
  strategy: 'rolling',
  progressDeadlineMs: 600_000,
  pauseDeadlineMs: 7 * 24 * 3_600_000,
  drainMs: 30_000,
} as const

/** One customer's running copy of an application. */
export interface Instance {
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  readonly tenantId: string
  /** Unique per tenant; part of its host names. */
  readonly name: string
  readonly state: InstanceState
  /** Someone should look: why, in a sentence. A flag beside the state, absent when nothing is wrong; `adopt` takes it away. */
  readonly needsAttention?: string
  /** Its services as they should run, with their replica counts; follows the active release. */
  readonly services: readonly DeclaredService[]
  /** Counts of services that were removed, for when they come back. */
  readonly removedReplicas?: Readonly<Record<string, number>>
  /** The one service that has the instance's bare host names. */
  readonly expose?: string
  /** Further host names of the exposed service. */
  readonly hosts: readonly string[]
  readonly policies: InstancePolicies
  /** Name of the provider that runs it. */
  readonly provider: string
  readonly currentReleaseId?: string
  /** Service → address on this machine, for the routed ones. */
  readonly urls: Readonly<Record<string, string>>
}

/** Whether nothing is done for an instance until somebody has looked at it. One that is being deleted goes on to its end. */
export function isHeld({ needsAttention, state }: Pick<Instance, 'needsAttention' | 'state'>): boolean {
  return needsAttention !== undefined && state !== 'deleting' && state !== 'deleted'
}
