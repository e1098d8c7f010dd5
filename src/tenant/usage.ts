import type { RunRequest } from '../deploy/run.ts'
import type { DeclaredService } from '../instance/service.ts'
import type { Quota } from './tenant.ts'

/** What an instance takes of its tenant's quota: as it is declared, and as what runs and waits would have it. */
export interface InstanceLoad {
  readonly instanceId: string
  readonly services: readonly DeclaredService[]
  /** Counts of services that were removed: they come back with these. */
  readonly removedReplicas?: Readonly<Record<string, number>>
  /** What the deployments that run or wait were asked for. */
  readonly requests: readonly RunRequest[]
}

/** How much of everything that can be limited a tenant has. */
export type Usage = Required<Quota>

/** What is used. A service that is being scaled or replaced counts with the larger of what it is and what it becomes: neither end is beyond the quota. */
export function usageOf(loads: readonly InstanceLoad[]): Usage {
  const services = loads.flatMap(servicesOf)
  return {
    instances: loads.length,
    replicas: services.reduce((sum, { replicas }) => sum + replicas, 0),
    deployments: loads.reduce((sum, { requests }) => sum + requests.length, 0),
    memoryBytes: services.reduce((sum, { replicas, memoryBytes }) => sum + replicas * memoryBytes, 0),
  }
}

/** The same loads with one more request. */
export function withRequest(
  loads: readonly InstanceLoad[],
  instanceId: string,
  request: RunRequest,
): readonly InstanceLoad[] {
  return loads.map(load => (load.instanceId === instanceId ? { ...load, requests: [...load.requests, request] } : load))
}

interface ServiceLoad {
  readonly replicas: number
  readonly memoryBytes: number
}

function servicesOf({ services, removedReplicas, requests }: InstanceLoad): ServiceLoad[] {
  const found = new Map<string, ServiceLoad>()
  const atLeast = (name: string, replicas: number, memoryBytes = 0): void => {
    const known = found.get(name)
    found.set(name, {
      replicas: Math.max(replicas, known?.replicas ?? 0),
      memoryBytes: Math.max(memoryBytes, known?.memoryBytes ?? 0),
    })
  }
  for (const { name, replicas, resources } of services) atLeast(name, replicas, resources?.memoryBytes)
  const declared = new Map(services.map(service => [service.name, service.replicas]))
  for (const request of requests) {
    switch (request.kind) {
      case 'deploy':
        for (const { name, replicas, resources } of request.services) {
          atLeast(name, declared.get(name) ?? removedReplicas?.[name] ?? replicas ?? 1, resources?.memoryBytes)
        }
        break
      case 'scale':
        for (const [name, replicas] of Object.entries(request.replicas)) atLeast(name, replicas)
        break
      case 'provision': // is declared with the instance
      case 'rollback': // brings back what was there before, whatever the quota became
      case 'initial':
      case 'restart':
      case 'stop':
      case 'start':
      case 'delete':
        break
    }
  }
  return [...found.values()]
}
