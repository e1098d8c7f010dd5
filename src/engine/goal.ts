import { checkComposition } from '../deploy/compose.ts'
import type { Deployment } from '../deploy/deployment.ts'
import type { Goal } from '../deploy/draft.ts'
import { broughtBy } from '../deploy/resolve.ts'
import type { Run } from '../deploy/run.ts'
import { type NewestSecrets, seal, staleRelease } from '../deploy/seal.ts'
import type { InstanceRecord, Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { Instance } from '../instance/instance.ts'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { ProviderRegistry } from '../provider/registry.ts'

/** Where the request wants the instance to go, from where it is now. */
export async function goalOf(
  run: Run,
  record: InstanceRecord,
  tx: Stores,
  providers: ProviderRegistry,
): Promise<Goal & { readonly named?: Deployment['services'] }> {
  const { deployment, request } = run
  const { instance } = record
  const options = deployment.options ?? {}
  const active = await tx.deploys.activeRelease(instance.tenantId, instance.id)
  const counts: Record<string, number> = Object.fromEntries(
    instance.services.map(service => [service.name, service.replicas]),
  )
  const here = { release: active?.id ?? deployment.releaseId, services: active?.services ?? [], options }
  switch (request.kind) {
    case 'deploy': {
      requireState(instance, ['running', 'failed'])
      if (request.expectRelease !== undefined && request.expectRelease !== active?.id)
        throw staleRelease(request.expectRelease, active?.id)
      const named = broughtBy(request, active)
      const newest = await newestSecrets(named, active?.services ?? [], instance.tenantId, tx)
      const services = seal(active?.services ?? [], named, request.complete || !active, newest)
      // What it was checked with at the call may be gone.
      checkComposition(services, providers.get(instance.provider))
      return {
        named,
        services,
        release: deployment.releaseId,
        replicas: countsFor(services, counts, instance, named),
        options,
        mode: 'deploy',
      }
    }
    case 'rollback': {
      requireState(instance, ['running', 'failed'])
      const release = await tx.deploys.getRelease(instance.tenantId, request.releaseId)
      if (!release?.activatedAt)
        throw new SlipwayError('never_active', `Release ${request.releaseId} was never active.`)
      return {
        services: release.services,
        release: release.id,
        replicas: countsFor(release.services, counts, instance, []),
        options,
        mode: 'rollback',
      }
    }
    case 'provision':
      return { services: request.services, release: deployment.releaseId, replicas: counts, options, mode: 'deploy' }
    case 'scale':
      requireState(instance, ['running', 'failed'])
      requireServices(instance, Object.keys(request.replicas))
      return { ...here, replicas: { ...counts, ...request.replicas }, mode: 'rollback' }
    case 'restart':
      requireState(instance, ['running', 'failed'])
      requireServices(instance, request.services)
      return { ...here, replicas: counts, restart: request.services, mode: 'rollback' }
    case 'start':
      return { ...here, replicas: counts, mode: 'rollback' }
    case 'stop':
    case 'delete':
      return { ...here, services: [], replicas: counts, mode: 'rollback' }
    case 'initial':
      throw new SlipwayError('internal', 'A recorded deployment is never carried out.')
  }
}

function requireState(instance: Instance, states: readonly Instance['state'][]): void {
  if (states.includes(instance.state)) return
  throw new SlipwayError('instance_state', `Instance "${instance.name}" is ${instance.state}.`)
}

function requireServices(instance: Instance, names: readonly string[]): void {
  const gone = names.find(name => !instance.services.some(service => service.name === name))
  if (gone === undefined) return
  throw new SlipwayError('unknown_service', `Instance "${instance.name}" has no service "${gone}" any more.`)
}

function countsFor(
  services: readonly ServiceSnapshot[],
  counts: Readonly<Record<string, number>>,
  instance: Instance,
  asked: readonly { readonly name: string; readonly replicas?: number }[],
): Record<string, number> {
  return Object.fromEntries(
    services.map(({ name }) => {
      const requested = asked.find(service => service.name === name)?.replicas
      return [name, counts[name] ?? instance.removedReplicas?.[name] ?? requested ?? 1]
    }),
  )
}

async function newestSecrets(
  requested: readonly { readonly name: string; readonly secrets?: Readonly<Record<string, string>> | undefined }[],
  active: readonly ServiceSnapshot[],
  tenantId: string,
  tx: Stores,
): Promise<NewestSecrets> {
  const names = new Set<string>()
  for (const service of requested) {
    for (const name of Object.values(service.secrets ?? {})) names.add(name)
    const inherited = active.find(candidate => candidate.name === service.name)?.secrets
    for (const pin of Object.values(inherited ?? {})) names.add(pin.name)
  }
  const newest = new Map<string, number>()
  for (const name of names) {
    const versions = await tx.secrets.versions(tenantId, name)
    const usable = versions.filter(version => version.revokedAt === undefined)
    const last = usable.at(-1)
    if (last) newest.set(name, last.version)
  }
  return newest
}
