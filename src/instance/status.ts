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
  /** The table does not want it: it is on its way out, or the instance needs attention. Absent for one that is wanted. */
  readonly unwanted?: true
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
    ): Promise<
      | { view(): { readonly observed: boolean; readonly replicas: readonly { replica: Replica; health: Health }[] } }
      | undefined
    >
  }
}

/** What is wanted of an instance and what there is, as seen by the worker of this process. */
export async function statusOf(instance: Instance, { store, provider, worker }: StatusParts): Promise<InstanceStatus> {
  const record = await store.work.load(instance.id)
  const view = (await worker?.keeper(instance.id))?.view()
  // A worker that has not looked yet knows nothing, which is not the same as that there is nothing.
  const seen =
    view && (view.observed || view.replicas.length > 0)
      ? view.replicas
      : (await provider(instance.provider).observe(instance.id))
          .filter(replica => replica.storeId === store.storeId)
          .map(replica => ({ replica, health: 'unknown' as const }))
  const table = record?.table ?? []
  const wanted = wantedIds(
    table,
    seen.map(({ replica }) => replica),
  )
  return {
    instance,
    table,
    replicas: seen.map(({ replica, health }) => {
      const { id, name, service, revision, state } = replica
      return { id, name, service, revision, state, health, ...(wanted.has(id) ? {} : { unwanted: true as const }) }
    }),
  }
}

/** Ids of the replicas that a table wants: of each row as many as it asks for, those that run before those that ended. */
export function wantedIds(table: readonly Row[], replicas: readonly Replica[]): Set<string> {
  const ended = (replica: Replica): number => Number(replica.state === 'exited')
  return new Set(
    table.flatMap(row =>
      replicas
        .filter(({ service, revision }) => service === row.service && revision === row.revision)
        .toSorted((a, b) => ended(a) - ended(b) || a.ordinal - b.ordinal)
        .slice(0, row.replicas)
        .map(({ id }) => id),
    ),
  )
}
