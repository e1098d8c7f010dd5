import { type AuditAction, audited, changesOf, type NewAuditEntry } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import { everyTenant } from '../auth/auth.ts'
import { type Clock, timestamp } from '../clock.ts'
import { given, parse } from '../deploy/schema.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { Store, Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { EventBus } from '../event/bus.ts'
import { type QuotaPreview, quotaPreview } from './quota.ts'
import {
  type CreateTenantRequest,
  createTenantSchema,
  type QuotaRequest,
  quotaSchema,
  type UpdateTenantRequest,
  updateTenantSchema,
} from './schema.ts'
import type { Quota, Tenant, TenantState } from './tenant.ts'
import { type Usage, usageOf } from './usage.ts'

/** A tenant's limits, and what it has. */
export interface QuotaUse {
  readonly limits: Quota
  readonly used: Usage
}

/** What a caller may know of its own tenant. */
export interface OwnTenant {
  readonly state: TenantState
  readonly title?: string
  /** Each limit with what is used of it. */
  readonly quota: QuotaPreview
}

/** Throws to refuse a change; called inside the transaction that makes it. */
export type TenantCheck = (tenant: Tenant) => void

/** Tenants, for operators. A tenant that nobody created is there by its name alone: active, and without a quota. */
export interface TenantService {
  create(request: CreateTenantRequest): Promise<Tenant>
  /** Newest first: those that were created and not deleted. */
  list(options?: ListOptions): Promise<Page<Tenant>>
  get(id: string): Promise<Tenant>
  /** Title and state. Suspending takes effect at once: new work is refused, and what runs goes on. */
  update(id: string, change: UpdateTenantRequest, check?: TenantCheck): Promise<Tenant>
  /** Only of one that has no instances and no secrets. Its tokens are good for nothing then, and its name is not given again. */
  delete(id: string, check?: TenantCheck): Promise<Tenant>
  quota(id: string): Promise<QuotaUse>
  /** All limits at once. One below what is used refuses more, and takes nothing away. */
  setQuota(id: string, quota: QuotaRequest, check?: TenantCheck): Promise<QuotaUse>
  /** The caller's own tenant, for every caller; undefined for an operator, and for a tenant that nobody created. */
  own(): Promise<OwnTenant | undefined>
}

interface TenantParts {
  readonly auth: AuthProvider
  readonly store: Store
  readonly bus: EventBus
  readonly clock: Clock
}

/** A tenant service that acts for this caller. */
export function tenantService({ auth, store, bus, clock }: TenantParts, caller: Claims): TenantService {
  const now = (): string => timestamp(clock.now())

  async function found(id: string, reader: Pick<Stores, 'tenants'> = store): Promise<Tenant> {
    const tenant = await reader.tenants.get(id)
    if (tenant) return tenant
    throw new SlipwayError('not_found', `No tenant ${JSON.stringify(id)} was created.`, {
      next: 'List the tenants to see which were, or create it: what it has already stays its own.',
    })
  }

  /** Changes a tenant in one transaction with the look at it, and tells of it. */
  async function change(
    id: string,
    action: 'tenant.update' | 'tenant.delete' | 'tenant.set_quota',
    check: TenantCheck | undefined,
    make: (tenant: Tenant, tx: Stores) => Promise<Record<string, unknown>>,
  ): Promise<Tenant> {
    await auth.authorize(caller, 'tenant.write')
    const type = action === 'tenant.delete' ? 'tenant.deleted' : 'tenant.updated'
    const made = await store.transaction(async tx => {
      await tx.tenants.hold(id)
      const tenant = await found(id, tx)
      requireKept(tenant)
      check?.(tenant)
      const data = await make(tenant, tx)
      await tx.events.append({ type, tenantId: id, data: { ...data, by: caller.subject } })
      const after = await found(id, tx)
      await tx.audit.append(changed(action, after, changesOf(seen(tenant), seen(after))))
      return after
    })
    bus.wake()
    return made
  }

  /** What the audit log tells of it, beside the tenant's own things. */
  const changed = (action: AuditAction, { id }: Tenant, change: Pick<NewAuditEntry, 'before' | 'after'>) =>
    audited({ ...caller, tenantId: id }, { action, object: { kind: 'tenant', id }, ...change })

  async function used({ id, quota }: Tenant): Promise<QuotaUse> {
    return { limits: quota, used: usageOf(await store.tenants.loads(id)) }
  }

  return {
    async create(request) {
      await auth.authorize(caller, 'tenant.write')
      const { id, title, quota = {} } = parse(createTenantSchema, request, 'The tenant')
      const at = now()
      const tenant: Tenant = {
        id,
        createdAt: at,
        updatedAt: at,
        ...(title === undefined ? {} : { title }),
        state: 'active',
        quota,
        createdBy: caller.subject,
      }
      await store.transaction(async tx => {
        await tx.tenants.insert(tenant)
        await tx.events.append({ type: 'tenant.created', tenantId: id, data: { by: caller.subject } })
        await tx.audit.append(changed('tenant.create', tenant, { after: seen(tenant) }))
      })
      bus.wake()
      return tenant
    },

    async list(options) {
      await auth.authorize(caller, 'tenant.read')
      return await store.tenants.list(options)
    },

    async get(id) {
      await auth.authorize(caller, 'tenant.read')
      return await found(id)
    },

    async update(id, request, check) {
      const { title, state, reason } = parse(updateTenantSchema, request, 'The update')
      return await change(id, 'tenant.update', check, async (tenant, tx) => {
        const becomes = state ?? tenant.state
        if (reason !== undefined && becomes !== 'suspended') {
          throw new SlipwayError('invalid_request', 'A reason is of a suspended tenant, and this one is active.', {
            next: 'Suspend it, or leave the reason out.',
            fields: [{ pointer: '/reason', detail: 'only with the state suspended' }],
          })
        }
        await tx.tenants.update(id, {
          updatedAt: now(),
          ...(title === undefined ? {} : { title }),
          state: becomes,
          ...(becomes === 'active' ? { reason: null } : reason === undefined ? {} : { reason }),
        })
        return { state: becomes, fields: Object.keys(given({ title, state, reason })) }
      })
    },

    async delete(id, check) {
      return await change(id, 'tenant.delete', check, async (tenant, tx) => {
        await requireEmpty(tenant, tx)
        await tx.tokens.revokeAll(id, now())
        await tx.tenants.update(id, { updatedAt: now(), state: 'deleted', reason: null })
        return {}
      })
    },

    async quota(id) {
      await auth.authorize(caller, 'tenant.read')
      return await used(await found(id))
    },

    async setQuota(id, request, check) {
      const quota = parse(quotaSchema, request, 'The quota')
      const tenant = await change(id, 'tenant.set_quota', check, async (_, tx) => {
        await tx.tenants.update(id, { updatedAt: now(), quota })
        return { fields: ['quota'] }
      })
      return await used(tenant)
    },

    async own() {
      const id = auth.tenantOf(caller)
      const tenant = caller.operator || id === everyTenant ? undefined : await store.tenants.get(id)
      if (!tenant) return undefined
      const { state, title, quota } = tenant
      const usage = Object.keys(quota).length === 0 ? undefined : usageOf(await store.tenants.loads(id))
      return {
        state,
        ...(title === undefined ? {} : { title }),
        quota: usage ? quotaPreview(quota, usage, usage) : {},
      }
    },
  }
}

/** What an operator decides of a tenant. */
function seen({ title, state, reason, quota }: Tenant): Record<string, unknown> {
  return { title, state, reason, quota }
}

function requireKept(tenant: Tenant): void {
  if (tenant.state !== 'deleted') return
  throw new SlipwayError('tenant_suspended', `Tenant "${tenant.id}" was deleted.`, {
    next: 'Only its history can be read. Create a tenant of another name.',
    details: { tenant_id: tenant.id, state: tenant.state },
  })
}

async function requireEmpty({ id }: Tenant, tx: Stores): Promise<void> {
  const instances = await tx.instances.countPerTenant(id)
  const living = (await tx.secrets.list(id)).filter(({ sealed }) => sealed !== undefined)
  const secrets = new Set(living.map(({ name }) => name)).size
  if (instances === 0 && secrets === 0) return
  throw new SlipwayError(
    'tenant_not_empty',
    `Tenant "${id}" still has ${counted(instances, 'instance')} and ${counted(secrets, 'secret')}.`,
    {
      next: 'Delete them first; they are not deleted along with it.',
      details: { tenant_id: id, instances, secrets },
    },
  )
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
