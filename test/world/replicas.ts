import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReplicaRecord } from '../../src/provider/process/record.ts'
import type { Machine } from '../support/machine.ts'
import { processesOf } from '../support/processes.ts'

/** What the process provider keeps of an instance's replicas on disk. */
export function recordsOf({ dataDir }: Pick<Machine, 'dataDir'>, instanceId: string): ReplicaRecord[] {
  const folder = recordFolder({ dataDir }, instanceId)
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(name => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ReplicaRecord)
}

/** Where it keeps that. */
export function recordFolder({ dataDir }: Pick<Machine, 'dataDir'>, instanceId: string): string {
  return join(dataDir, 'instances', instanceId, 'replicas')
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
