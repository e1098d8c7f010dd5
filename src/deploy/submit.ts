import { type AuditAction, audited } from '../audit/entry.ts'
import type { Claims } from '../auth/auth.ts'
import { type Clock, timestamp } from '../clock.ts'
import type { EventBus } from '../event/bus.ts'
import { newId } from '../id.ts'
import type { BusyPolicy, Instance } from '../instance/instance.ts'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { Observer } from '../observe/observer.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import type { Vault } from '../secrets/vault.ts'
import { type Admission, openTenant, withinQuota } from '../tenant/quota.ts'
import { type Chosen, strategyOf } from './choose.ts'
import type { Deployment } from './deployment.ts'
import { type Enqueued, enqueue } from './enqueue.ts'
import { neverActive, notFound, requireDeployable, requireImages, requireRestorable } from './refusal.ts'
import type { RunRequest } from './run.ts'
import type { RollbackRequest } from './schema.ts'
import { staleRelease } from './seal.ts'
import type { Strategy } from './strategy.ts'
import type { Store, Stores } from './work.ts'

/** What deployments are submitted with. */
export interface SubmitParts {
  readonly store: Store
  readonly providers: ProviderRegistry
  readonly bus: EventBus
  readonly vault: Vault
  readonly clock: Clock
  readonly strategies: ReadonlyMap<string, Strategy>
  /** Told what happens, for metrics. Absent: nothing is measured. */
  readonly observer?: Observer
  /** Work was committed for this instance: whoever performs it may look. */
  readonly hint: (instanceId: string) => void
}

/** What goes along with a deploy that was resolved. */
export interface DeployTerms {
  readonly notes?: string | undefined
  readonly commitSha?: string | undefined
  readonly ifBusy: BusyPolicy
  /** The deployment whose request this is again. */
  readonly retryOf?: string
}

/** Records a deploy whose images and secrets were found, and its release. */
export async function submitDeploy(
  target: Instance,
  chosen: Chosen,
  request: Extract<RunRequest, { kind: 'deploy' }>,
  terms: DeployTerms,
  by: Claims,
  parts: SubmitParts,
): Promise<Deployment> {
  const at = timestamp(parts.clock.now())
  const releaseId = newId('rel')
  const texts = {
    ...(terms.notes !== undefined ? { notes: terms.notes } : {}),
    ...(terms.commitSha !== undefined ? { commitSha: terms.commitSha } : {}),
  }
  return await submit(target.id, terms.ifBusy, by, parts, withinQuota, async current => {
    if (request.expectRelease !== undefined && request.expectRelease !== current.currentReleaseId) {
      throw staleRelease(request.expectRelease, current.currentReleaseId)
    }
    const made: Deployment = {
      ...blank('deploy', target.id, releaseId, by, at),
      strategy: chosen.name,
      options: chosen.options,
      services: request.services,
      ...texts,
      ...(terms.retryOf !== undefined ? { retryOf: terms.retryOf } : {}),
    }
    const services = request.services.map(({ secrets, replicas, digest, ...service }): ServiceSnapshot => {
      void secrets // pinned when the release is sealed
      void replicas // the instance keeps counts
      return { ...service, digest: digest ?? '' }
    })
    return {
      deployment: made,
      request,
      release: {
        id: releaseId,
        createdAt: at,
        updatedAt: at,
        tenantId: by.tenantId,
        instanceId: target.id,
        services,
        active: false,
        ...texts,
      },
    }
  })
}

/** Records a rollback to a release of this instance. Throws when the release can't be brought back any more, before anything is written. */
export async function submitRollback(
  target: Instance,
  request: Omit<RollbackRequest, 'instanceId'> & { readonly retryOf?: string },
  by: Claims,
  parts: SubmitParts,
): Promise<Deployment> {
  const { tenantId } = by
  const at = timestamp(parts.clock.now())
  const back = await parts.store.deploys.getRelease(tenantId, request.releaseId)
  if (back?.instanceId !== target.id) throw notFound('release', request.releaseId)
  await requireRestorable(back, tenantId, parts.vault)
  await requireImages(back.services, `Release ${back.version}`, parts.providers.get(target.provider))
  const strategy = strategyOf('blue-green', parts.strategies)
  const options =
    strategy.options?.(request.keepWarmSeconds === undefined ? {} : { keepWarmSeconds: request.keepWarmSeconds }) ?? {}
  return await submit(target.id, request.ifBusy ?? 'supersede', by, parts, openTenant, async (_current, tx) => {
    const fresh = await tx.deploys.getRelease(tenantId, back.id)
    if (!fresh) throw notFound('release', back.id)
    if (!fresh.activatedAt) throw neverActive(back)
    return {
      deployment: {
        ...blank('rollback', target.id, back.id, by, at),
        strategy: strategy.name,
        options,
        services: back.services.map(({ name, image, digest }) => ({ name, image, digest })),
        ...(request.notes !== undefined ? { notes: request.notes } : {}),
        ...(request.retryOf !== undefined ? { retryOf: request.retryOf } : {}),
      },
      request: { kind: 'rollback', releaseId: back.id },
    }
  })
}

/** Writes a new deployment in one transaction with the look at its instance, and wakes whoever performs it. */
async function submit(
  instanceId: string,
  ifBusy: BusyPolicy,
  by: Claims,
  parts: SubmitParts,
  admit: Admission,
  make: (current: Instance, tx: Stores) => Promise<Enqueued>,
): Promise<Deployment> {
  const made = await parts.store.transaction(async tx => {
    const current = await tx.instances.get(by.tenantId, instanceId)
    if (!current) throw notFound('instance', instanceId)
    requireDeployable(current)
    return await admit(tx, by.tenantId, async () => {
      const queued = await make(current, tx)
      await enqueue(queued, current, ifBusy, tx)
      await tx.audit.append(audited(by, submitted(queued.deployment, current)))
      return queued.deployment
    })
  })
  parts.bus.wake()
  parts.hint(instanceId)
  return made
}

/** What is told of a deployment that was asked for. */
function submitted(deployment: Deployment, { id: instanceId, name, currentReleaseId }: Instance) {
  const { id, kind, retryOf, releaseId, strategy, services, notes, commitSha } = deployment
  const action: AuditAction =
    retryOf !== undefined ? 'deployment.retry' : kind === 'rollback' ? 'deployment.rollback' : 'deployment.create'
  return {
    action,
    object: { kind: 'deployment', id, name },
    instanceId,
    before: { releaseId: currentReleaseId },
    after: {
      releaseId,
      strategy,
      services: services.map(({ name, image }) => ({ name, image })),
      notes,
      commitSha,
      retryOf,
    },
  }
}

function blank(
  kind: 'deploy' | 'rollback',
  instanceId: string,
  releaseId: string,
  { tenantId, subject }: Claims,
  at: string,
): Omit<Deployment, 'strategy' | 'services'> {
  return {
    id: newId('dep'),
    createdAt: at,
    updatedAt: at,
    tenantId,
    instanceId,
    releaseId,
    kind,
    state: 'pending',
    initiator: subject,
    reason: { code: 'queued', text: 'waits for its turn', since: at },
  }
}
