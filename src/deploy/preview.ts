import type { Instance } from '../instance/instance.ts'
import type { Vault } from '../secrets/vault.ts'
import { isUnlimited, type QuotaPreview, quotaPreview } from '../tenant/quota.ts'
import { usageOf, withRequest } from '../tenant/usage.ts'
import { stepsOf, strategyOf } from './choose.ts'
import type { Difference } from './diff.ts'
import { diffServices } from './diff.ts'
import { draft } from './draft.ts'
import { type Expectation, expectation } from './eta.ts'
import { broughtBy } from './resolve.ts'
import type { RunRequest } from './run.ts'
import { seal } from './seal.ts'
import type { Step } from './step.ts'
import { downtime } from './strategies/downtime.ts'
import type { Strategy } from './strategy.ts'
import type { Store } from './work.ts'

/** What a deploy would do, as of now. */
export interface PlanPreview {
  readonly strategy: string
  readonly options: Readonly<Record<string, unknown>>
  readonly fromReleaseId?: string
  /** The steps that will be performed; absent for a strategy that decides while it runs. */
  readonly steps?: readonly Step[]
  readonly changes: readonly Difference[]
  /** Services that have a moment without ready capacity. */
  readonly downtime: readonly string[]
  /** Deployments that would go first. */
  readonly behind: number
  /** The limits of the tenant with what the deploy would leave of them; absent when it has none. */
  readonly quota?: QuotaPreview
  /** How long it will take once it has begun. Absent without earlier deployments by this strategy. */
  readonly willTake?: Expectation
}

interface PreviewParts {
  readonly store: Store
  readonly vault: Vault
  readonly strategies: ReadonlyMap<string, Strategy>
}

/** Plans a deploy without writing anything; the steps are the very ones that a deploy started now would freeze. */
export async function previewPlan(
  instance: Instance,
  chosen: { readonly name: string; readonly options: Record<string, unknown> },
  request: Extract<RunRequest, { kind: 'deploy' }>,
  { store, vault, strategies }: PreviewParts,
): Promise<PlanPreview> {
  const { tenantId } = instance
  const record = await store.work.load(instance.id)
  const active = await store.deploys.activeRelease(tenantId, instance.id)
  const table = record?.table ?? []
  const specs = Object.fromEntries(
    await Promise.all(
      [...new Set(table.map(row => row.release))].map(
        async id => [id, (await store.deploys.getRelease(tenantId, id))?.services ?? []] as const,
      ),
    ),
  )
  const newest = new Map((await vault.list(tenantId)).map(secret => [secret.name, secret.version]))
  const brought = broughtBy(request, active)
  const services = seal(active?.services ?? [], brought, request.complete || !active, newest)
  const counts = Object.fromEntries(instance.services.map(service => [service.name, service.replicas]))
  const asked = Object.fromEntries(brought.map(service => [service.name, service.replicas ?? 1]))
  const replicas = Object.fromEntries(
    services.map(({ name }) => [name, counts[name] ?? instance.removedReplicas?.[name] ?? asked[name] ?? 1]),
  )
  const { input } = draft(
    { table, generations: record?.generations ?? {}, specs },
    { services, release: 'the new release', replicas, mode: 'deploy', options: chosen.options },
  )
  const steps = stepsOf(strategyOf(chosen.name, strategies), input)
  const quota = await quotaAfter(instance, request, store)
  const behind = (await store.work.queue(instance.id)).length
  const performs = steps === undefined || steps.length > 0
  const of = { instanceId: instance.id, strategy: chosen.name, kind: 'deploy' } as const
  const willTake = performs ? await expectation(of, store) : undefined
  return {
    strategy: chosen.name,
    options: chosen.options,
    ...(active ? { fromReleaseId: active.id } : {}),
    ...(steps ? { steps } : {}),
    changes: diffServices(active?.services ?? [], services),
    downtime: steps ? downtime(steps, input) : [],
    behind,
    ...(quota ? { quota } : {}),
    ...(willTake ? { willTake } : {}),
  }
}

async function quotaAfter(
  { id, tenantId }: Instance,
  request: RunRequest,
  { tenants }: Pick<Store, 'tenants'>,
): Promise<QuotaPreview | undefined> {
  const tenant = await tenants.get(tenantId)
  if (tenant === undefined || isUnlimited(tenant.quota)) return undefined
  const loads = await tenants.loads(tenantId)
  return quotaPreview(tenant.quota, usageOf(loads), usageOf(withRequest(loads, id, request)))
}
