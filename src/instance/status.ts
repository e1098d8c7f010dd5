import type { Row } from '../deploy/step.ts'
import type { Store } from '../deploy/work.ts'
import type { Health } from '../health/check.ts'
import type { Provider, Replica } from '../provider/provider.ts'
import type { Instance } from './instance.ts'

/** A replica with what its probes say. */
export interface ReplicaStatus {
  readonly id: string
  readonly name: string
  readonly service: string
  readonly revision: string
  readonly state: Replica['state']
  readonly health: Health
}

/** Where an instance is: what is wanted, and what there is. */
export interface InstanceStatus {
  readonly instance: Instance
  readonly table: readonly Row[]
  readonly replicas: readonly ReplicaStatus[]
}

interface StatusParts {
  readonly store: Store
  readonly provider: (name: string) => Provider
  /** Absent where nothing is performed: health is then unknown. */
  readonly worker?: {
    keeper(
      instanceId: string,
    ): Promise<{ view(): { replicas: readonly { replica: Replica; health: Health }[] } } | undefined>
  }
}

/** What is wanted of an instance and what there is, as seen by the worker of this process. */
export async function statusOf(instance: Instance, { store, provider, worker }: StatusParts): Promise<InstanceStatus> {
  const record = await store.work.load(instance.id)
  const keeper = await worker?.keeper(instance.id)
  const seen = keeper
    ? keeper.view().replicas
    : (await provider(instance.provider).observe(instance.id)).map(replica => ({ replica, health: 'unknown' as const }))
  return {
    instance,
    table: record?.table ?? [],
    replicas: seen.map(({ replica, health }) => {
      const { id, name, service, revision, state } = replica
      return { id, name, service, revision, state, health }
    }),
  }
}
