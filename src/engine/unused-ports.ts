import type { Specs } from '../deploy/draft.ts'
import type { InstanceRecord, Stores } from '../deploy/work.ts'
import { isRouted } from '../instance/service.ts'
import { addressesOf } from './revisions.ts'

/**
 * Gives back the ports of services that neither the active release has, nor one of which something is kept warm: it calls them there.
 * Releases that are sealed and `known` are not read again.
 */
export async function releaseUnusedPorts(
  { instance, table, ports }: Pick<InstanceRecord, 'instance' | 'table' | 'ports'>,
  tx: Stores,
  known: Specs,
): Promise<void> {
  const { tenantId, id: instanceId, currentReleaseId: active } = instance
  const routedBy = async (release: string | undefined): Promise<string[]> => {
    if (release === undefined) return []
    const services = known[release] ?? (await tx.deploys.getRelease(tenantId, release))?.services
    return (services ?? []).filter(isRouted).map(service => service.name)
  }
  const routed = new Set(await routedBy(active))
  const used = new Set(routed)
  for (const release of new Set(table.map(row => row.release))) {
    for (const service of await routedBy(release)) used.add(service)
  }
  const only = (names: ReadonlySet<string>): Record<string, number> =>
    Object.fromEntries(Object.entries(ports).filter(([service]) => names.has(service)))
  const unused = Object.keys(ports).filter(service => !used.has(service))
  for (const service of unused) await tx.work.releasePorts(instanceId, `route:${service}`)
  if (unused.length > 0) await tx.work.patch(instanceId, { ports: only(used) })
  await tx.instances.update(instanceId, { urls: addressesOf(only(routed)) })
}
