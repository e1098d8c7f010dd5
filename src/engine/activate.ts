import type { Deployment } from '../deploy/deployment.ts'
import { eventOf as event } from '../deploy/end.ts'
import type { FrozenPlan } from '../deploy/run.ts'
import type { InstanceRecord, Stores } from '../deploy/work.ts'
import { type DeclaredService, isRouted, type ServiceSnapshot } from '../instance/service.ts'
import { releaseUnusedPorts } from './unused-ports.ts'

/** Makes the deployment's release the active one, and what it replaced no longer so. `record` has the table that is kept from now on. */
export async function activate(
  deployment: Deployment,
  record: InstanceRecord,
  { specs, replicas }: Pick<FrozenPlan, 'specs' | 'replicas'>,
  tx: Stores,
  at: string,
): Promise<void> {
  const { instance } = record
  const services = specs[deployment.releaseId] ?? []
  const before = instance.currentReleaseId
  await tx.deploys.activateRelease(instance.id, deployment.releaseId, at)
  const removed = instance.services.filter(service => !services.some(kept => kept.name === service.name))
  const expose = services.some(service => service.name === instance.expose && isRouted(service)) ? {} : { expose: null }
  await tx.instances.update(instance.id, {
    state: 'running',
    currentReleaseId: deployment.releaseId,
    services: services.map(service => declared(service, replicas[service.name] ?? 1)),
    removedReplicas: {
      ...instance.removedReplicas,
      ...Object.fromEntries(removed.map(service => [service.name, service.replicas])),
    },
    ...(instance.expose === undefined ? {} : expose),
  })
  await releaseUnusedPorts({ ...record, instance: { ...instance, currentReleaseId: deployment.releaseId } }, tx, specs)
  if (before !== deployment.releaseId) {
    await tx.events.append(event('release.activated', deployment))
    if (deployment.kind === 'rollback' && record.activeDeploymentId !== undefined) {
      const replaced = record.activeDeploymentId
      const marked = await tx.deploys.updateDeployment(replaced, ['succeeded'], {
        state: 'rolled_back',
        rolledBackBy: deployment.id,
      })
      if (marked) {
        const { kind, strategy } = (await tx.deploys.getDeployment(instance.tenantId, replaced)) ?? {}
        await tx.events.append({
          ...event('deploy.rolled_back', deployment, { kind, strategy, by: deployment.id }),
          deploymentId: replaced,
          ...(before !== undefined ? { releaseId: before } : {}),
        })
      }
    }
    await tx.work.patch(instance.id, { activeDeploymentId: deployment.id })
  }
}

/** A service as the instance declares it once a release is active: secrets by name again. */
function declared(service: ServiceSnapshot, replicas: number): DeclaredService {
  const { digest, secrets, ...rest } = service
  void digest // the release keeps it
  const names = secrets && Object.fromEntries(Object.entries(secrets).map(([variable, pin]) => [variable, pin.name]))
  return { ...rest, ...(names ? { secrets: names } : {}), replicas }
}
