import type { InstanceListOptions, Summary } from '../deploy/find.ts'
import type { Page } from '../deploy/store.ts'
import type { Instance } from './instance.ts'

/** What may change of an instance; `null` takes an optional field away. */
export type InstancePatch = {
  readonly [K in keyof Omit<Instance, 'id' | 'tenantId' | 'createdAt'>]?:
    | Instance[K]
    | (undefined extends Instance[K] ? null : never)
}

/** Keeps instances. Every read has the tenant in its WHERE. */
export interface InstanceStore {
  get(tenantId: string, id: string): Promise<Instance | undefined>
  /** Newest first; deleted ones are left out unless their state is asked for. `*` lists those of every tenant. */
  list(tenantId: string, options?: InstanceListOptions): Promise<Page<Instance>>
  /** Counts of the living ones and of what moves on them: of these instances, or of all; `*` counts those of every tenant. */
  summary(tenantId: string, ids?: readonly string[]): Promise<Summary>
  /** Throws `already_exists` when the tenant has a living instance of this name. */
  insert(instance: Instance): Promise<void>
  /** Changes it while its state is one of `from` (default: any but deleted); says whether it did. Throws `already_exists` for a name that is taken. */
  update(id: string, patch: InstancePatch, from?: readonly Instance['state'][]): Promise<boolean>
  /** Leaves a tombstone: name and ports are free again, epoch and version counter stay. */
  delete(tenantId: string, id: string): Promise<boolean>
  bySlug(tenantId: string, name: string): Promise<Instance | undefined>
  countPerTenant(tenantId: string): Promise<number>
}
