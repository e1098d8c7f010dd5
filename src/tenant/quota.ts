import type { Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { Quota, Tenant } from './tenant.ts'
import { type Usage, usageOf } from './usage.ts'

/** Does something new for a tenant, inside a transaction: {@link withinQuota}, or {@link openTenant} for what no quota keeps back. */
export type Admission = <T>(tx: Stores, tenantId: string, work: () => Promise<T>) => Promise<T>

/** How a limit stands, and what it would come to. */
export interface LimitUse {
  readonly used: number
  readonly limit: number
  /** What would be used afterwards. */
  readonly wanted: number
  /** Whether it would be refused. */
  readonly exceeded: boolean
}

/** Every limit of a tenant, by what it limits. */
export type QuotaPreview = Readonly<Partial<Record<keyof Quota, LimitUse>>>

/** Refuses a tenant that takes no new work. Throws `tenant_suspended`. */
export function requireOpen(tenant: Tenant | undefined): void {
  if (tenant === undefined || tenant.state === 'active') return
  const why = tenant.reason === undefined ? '' : ` It says why: ${JSON.stringify(tenant.reason)}.`
  throw new SlipwayError('tenant_suspended', `Tenant "${tenant.id}" is ${tenant.state}, and takes no new work.${why}`, {
    next:
      tenant.state === 'deleted'
        ? 'Use another tenant; the name of a deleted one is not given again.'
        : 'An operator can make it active again. What runs goes on, and can be stopped or deleted.',
    details: { tenant_id: tenant.id, state: tenant.state },
  })
}

/** Refuses to keep anything more for a tenant that was deleted. Throws `tenant_suspended`. */
export function requireThere(tenant: Tenant | undefined): void {
  if (tenant?.state === 'deleted') requireOpen(tenant)
}

/** Does something new for a tenant that takes new work, whatever its quota: what brings back. Throws `tenant_suspended`. */
export const openTenant: Admission = async (tx, tenantId, work) => {
  requireOpen(await tx.tenants.hold(tenantId))
  return await work()
}

/**
 * Does something new for a tenant, and refuses it when the tenant had more afterwards than its quota allows and more than before: the
 * caller's transaction is rolled back then. Throws `tenant_suspended` or `quota_exceeded`.
 */
export const withinQuota: Admission = async (tx, tenantId, work) => {
  const tenant = await tx.tenants.hold(tenantId)
  requireOpen(tenant)
  if (tenant === undefined || isUnlimited(tenant.quota)) return await work()
  const before = usageOf(await tx.tenants.loads(tenantId))
  const made = await work()
  refuse(tenantId, quotaPreview(tenant.quota, before, usageOf(await tx.tenants.loads(tenantId))))
  return made
}

/** What would become of the limits if the tenant had this afterwards; what is not limited is left out. */
export function quotaPreview(quota: Quota, before: Usage, after: Usage): QuotaPreview {
  return Object.fromEntries(
    quotaNames.flatMap(name => {
      const limit = quota[name]
      if (limit === undefined) return []
      const [used, wanted] = [before[name], after[name]]
      return [[name, { used, limit, wanted, exceeded: wanted > limit && wanted > used }]]
    }),
  )
}

/** Whether nothing is limited. */
export function isUnlimited(quota: Quota): boolean {
  return quotaNames.every(name => quota[name] === undefined)
}

/** What can be limited, with what it is called in a sentence. */
const quotaWords = {
  instances: 'instances',
  replicas: 'replicas',
  deployments: 'deployments that run or wait',
  memoryBytes: 'bytes of declared memory',
} as const satisfies Record<keyof Quota, string>

const quotaNames = Object.keys(quotaWords) as (keyof Quota)[]

function refuse(tenantId: string, preview: QuotaPreview): void {
  for (const name of quotaNames) {
    const use = preview[name]
    if (!use?.exceeded) continue
    const { used, limit, wanted } = use
    throw new SlipwayError(
      'quota_exceeded',
      `Tenant "${tenantId}" uses ${used} of ${limit} ${quotaWords[name]}, and would have ${wanted}.`,
      {
        next:
          name === 'deployments'
            ? 'Wait until one has ended, or ask an operator for a larger quota.'
            : 'Give some of it up, or ask an operator for a larger quota.',
        details: { quota: name === 'memoryBytes' ? 'memory_bytes' : name, used, limit, wanted },
      },
    )
  }
}
