import type { Deployment } from '../../src/deploy/deployment.ts'
import type { RevisionSpec } from '../../src/provider/provider.ts'
import type { House } from './harness.ts'

/** Service → image → percent, as the router uses it now; what has no traffic is left out. */
export function traffic({ world, router }: House, instanceId: string): Record<string, Record<string, number>> {
  const images = imagesOf(world, instanceId)
  const routes = Object.entries(router.proxy.tables.get(instanceId)?.services ?? {})
  return Object.fromEntries(
    routes.map(([service, { revisions }]) => [
      service,
      Object.fromEntries(
        Object.entries(revisions)
          .filter(([, { weight }]) => weight > 0)
          .map(([revision, { weight }]) => [images.get(revision) ?? revision, weight]),
      ),
    ]),
  )
}

/** Service → images of the replicas that live, sorted. */
export function running({ world }: House, instanceId: string): Record<string, string[]> {
  const images = imagesOf(world, instanceId)
  const living = world.replicas(instanceId).filter(replica => replica.state !== 'exited')
  const byService = Object.groupBy(living, replica => replica.service)
  return Object.fromEntries(
    Object.entries(byService).map(([service, replicas = []]) => [
      service,
      replicas.map(replica => images.get(replica.revision) ?? replica.revision).sort(),
    ]),
  )
}

/** Names of the living replicas of a service. */
export function names({ world }: House, instanceId: string, service: string): string[] {
  return world
    .replicas(instanceId)
    .filter(replica => replica.service === service && replica.state !== 'exited')
    .map(replica => replica.name)
}

/** What was started for an instance so far, in order. */
export function started({ world }: Pick<House, 'world'>, instanceId: string): RevisionSpec[] {
  return world.calls
    .filter(call => call.instanceId === instanceId && call.method === 'start')
    .map(call => call.args[0] as RevisionSpec)
}

/** The names of a deployment's steps as they were performed: forward, then back. */
export async function performed({ store }: House, { id }: Pick<Deployment, 'id'>): Promise<string[]> {
  const records = await store.work.steps(id)
  return records.map(({ phase, step, state }) => `${phase === 'undo' ? 'undo: ' : ''}${step.name}, ${state}`)
}

function imagesOf(world: House['world'], instanceId: string): Map<string, string> {
  return new Map(started({ world }, instanceId).map(spec => [spec.revision, spec.image]))
}
