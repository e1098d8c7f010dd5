import type { Instance } from '../../src/instance/instance.ts'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import { replicasOf } from '../crash/invariants.ts'
import type { Machine } from '../support/machine.ts'
import { processesOf } from '../support/processes.ts'

/** What is kept of a shop's replicas on disk, by age. */
export interface Ages {
  /** Those of the revision that was there first. */
  readonly old: readonly ReplicaRecord[]
  readonly fresh: readonly ReplicaRecord[]
}

/** The replicas of a shop, the old revision's and the others'. */
export function byAge({ dataDir }: Pick<Machine, 'dataDir'>, { id }: Pick<Instance, 'id'>): Ages {
  const records = replicasOf(dataDir, id).toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1))
  const [first] = records
  return {
    old: records.filter(({ revision }) => revision === first?.revision),
    fresh: records.filter(({ revision }) => revision !== first?.revision),
  }
}

/** SIGKILL to everything of a replica. */
export function killReplica({ pid }: Pick<ReplicaRecord, 'pid'>): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** SIGKILL to everything that runs of a data folder, the proxy included, as when the machine stops. */
export function killAll({ dataDir }: Pick<Machine, 'dataDir'>): void {
  for (const pid of processesOf(dataDir)) process.kill(pid, 'SIGKILL')
}
