import type { Timestamp } from '../clock.ts'
import { newId } from '../id.ts'
import type { Instance } from '../instance/instance.ts'
import { isRouted, type ServiceSnapshot } from '../instance/service.ts'
import type { Release } from './release.ts'
import { digestOf, revisionDigest, revisionName } from './revision.ts'
import type { Stores } from './work.ts'

/**
 * Records version 1 of an instance that runs already, active, with a synthetic succeeded deployment (strategy `initial`), inside the
 * caller's transaction. Idempotent: if any release exists it writes nothing and returns version 1's.
 */
export async function recordFirstRelease(
  instance: Instance,
  services: readonly ServiceSnapshot[],
  initiator: string,
  tx: Stores,
  at: Timestamp,
  releaseId: string = newId('rel'),
): Promise<{ release: Release; deploymentId?: string }> {
  const { tenantId, id: instanceId } = instance
  const first = await tx.deploys.firstRelease(tenantId, instanceId)
  if (first) return { release: first }
  const version = await tx.deploys.nextReleaseVersion(tenantId, instanceId)
  const release: Release = {
    id: releaseId,
    createdAt: at,
    updatedAt: at,
    tenantId,
    instanceId,
    version,
    services,
    active: false,
    sealedAt: at,
  }
  await tx.deploys.insertRelease(release)
  await tx.deploys.activateRelease(instanceId, releaseId, at)
  const deploymentId = newId('dep')
  await tx.deploys.insertDeployment(
    {
      id: deploymentId,
      createdAt: at,
      updatedAt: at,
      tenantId,
      instanceId,
      releaseId,
      kind: 'initial',
      state: 'succeeded',
      strategy: 'initial',
      services: services.map(({ name, image, digest }) => ({ name, image, digest })),
      serviceProgress: Object.fromEntries(services.map(service => [service.name, 'succeeded' as const])),
      providerRef: `${instance.provider}:${instanceId}`,
      startedAt: at,
      finishedAt: at,
      initiator,
    },
    { kind: 'initial' },
  )
  await tx.instances.update(instanceId, { currentReleaseId: releaseId })
  await tx.work.patch(instanceId, { activeDeploymentId: deploymentId })
  const ids = { tenantId, instanceId, releaseId, deploymentId }
  await tx.events.append({ type: 'release.created', ...ids, data: { version } })
  await tx.events.append({ type: 'release.activated', ...ids })
  await tx.events.append({ type: 'deploy.succeeded', ...ids, data: { kind: 'initial', strategy: 'initial' } })
  // As it is kept: whoever reads it later gets the same.
  const recorded = await tx.deploys.getRelease(tenantId, releaseId)
  return { release: recorded ?? { ...release, active: true, activatedAt: at }, deploymentId }
}

/** From now on the instance is kept as its first release and its declared counts say, if nothing was wanted of it before. */
export async function wantAsDeclared(instance: Instance, release: Release, tx: Stores): Promise<void> {
  const record = await tx.work.load(instance.id)
  if (!record || record.table.length > 0) return
  const counts = new Map(instance.services.map(service => [service.name, service.replicas]))
  const table = release.services.map(service => ({
    service: service.name,
    revision: revisionName(revisionDigest(service), 1),
    replicas: counts.get(service.name) ?? 1,
    weight: isRouted(service) ? 100 : 0,
    release: release.id,
  }))
  await tx.work.patch(instance.id, {
    table,
    generations: Object.fromEntries(table.map(row => [`${row.service}.${digestOf(row.revision)}`, 1])),
  })
  await tx.work.wake(instance.id)
}
