import type { Timestamp } from '../clock.ts'

/** Active: takes new work. Suspended: what runs goes on, and nothing new is taken. Deleted: only its history is left, under a name that is not given again. */
export type TenantState = 'active' | 'suspended' | 'deleted'

/** The most a tenant may have at once. What is absent is not limited. */
export interface Quota {
  /** Living instances, stopped ones included. */
  readonly instances?: number
  /** Declared replicas of all its instances, stopped ones and scales under way included. */
  readonly replicas?: number
  /** Deployments that run or wait, of every kind. */
  readonly deployments?: number
  /** Memory that its replicas declare (`resources.memoryBytes`), bytes. A service that declares none counts as none. */
  readonly memoryBytes?: number
}

/** Whose things are kept apart from those of everybody else, as far as somebody said more about it than its name. */
export interface Tenant {
  /** Its name: what tokens, claims and host names say. */
  readonly id: string
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  /** For people. */
  readonly title?: string
  readonly state: TenantState
  /** Why it was suspended. */
  readonly reason?: string
  readonly quota: Quota
  readonly createdBy: string
}
