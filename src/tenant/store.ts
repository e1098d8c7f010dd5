import type { ListOptions, Page } from '../deploy/store.ts'
import type { Tenant } from './tenant.ts'
import type { InstanceLoad } from './usage.ts'

/** What may change of a tenant; `null` takes an optional field away. */
export type TenantPatch = {
  readonly [K in keyof Omit<Tenant, 'id' | 'createdAt' | 'createdBy'>]?:
    | Tenant[K]
    | (undefined extends Tenant[K] ? null : never)
}

/** Keeps the tenants that were created. One that never was has no row, and is as good as an active one without a quota. */
export interface TenantStore {
  /** Throws `already_exists`, for the name of a deleted one too. */
  insert(tenant: Tenant): Promise<void>
  get(id: string): Promise<Tenant | undefined>
  /**
   * The same, inside a transaction, and until its end nobody else's transaction holds this tenant: what is counted then is still so when
   * it commits.
   */
  hold(id: string): Promise<Tenant | undefined>
  /** Newest first, without deleted ones. */
  list(options?: ListOptions): Promise<Page<Tenant>>
  update(id: string, patch: TenantPatch): Promise<void>
  /** Its living instances, with what runs and waits on each of them. */
  loads(id: string): Promise<InstanceLoad[]>
}
