import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a replica's record says of its process. */
export interface ReplicaFile {
  readonly id: string
  readonly name: string
  readonly service: string
  readonly storeId: string
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
  readonly exitCode?: number
}

/** The records of an instance's replicas, as they are on disk. */
export function replicaFiles(dataDir: string, instanceId: string): ReplicaFile[] {
  return filesOf(dataDir, instanceId).map(read)
}

/** Rewrites each record of an instance, as only a control plane may that is alone with them. */
export function rewriteReplicaFiles(
  dataDir: string,
  instanceId: string,
  change: (record: ReplicaFile) => ReplicaFile,
): void {
  for (const file of filesOf(dataDir, instanceId)) writeFileSync(file, JSON.stringify(change(read(file))))
}

/** Where the records of an instance's replicas lie. */
export function replicaFolder(dataDir: string, instanceId: string): string {
  return join(dataDir, 'instances', instanceId, 'replicas')
}

function filesOf(dataDir: string, instanceId: string): string[] {
  const folder = replicaFolder(dataDir, instanceId)
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(name => join(folder, name))
}

function read(file: string): ReplicaFile {
  return JSON.parse(readFileSync(file, 'utf8')) as ReplicaFile
}
