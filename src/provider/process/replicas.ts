import { join } from 'node:path'
import { isSlipwayError } from '../../errors.ts'
import type { Paths } from './paths.ts'
import { namesIn, type ReplicaRecord, readRecord, removeFiles, writeRecord } from './record.ts'

/** The records of all replicas: on disk for the next control plane, in memory for this one, which alone writes them. */
export interface Replicas {
  all(): ReplicaRecord[]
  of(instanceId: string): ReplicaRecord[]
  byId(instanceId: string, id: string): ReplicaRecord | undefined
  byName(instanceId: string, name: string): ReplicaRecord | undefined
  /** On disk when it returns. Throws `disk_full`. */
  save(record: ReplicaRecord): void
  /**
   * What became of one that was saved: a later control plane could see it for itself, so a full disk does not keep this one from going
   * on. On disk when it returns if there is room, else once `catchUp` finds some.
   */
  note(record: ReplicaRecord): void
  /** Writes what could not be written. Throws `disk_full`. */
  catchUp(): void
  remove(instanceId: string, id: string): void
  /** Where the launcher of a replica writes the exit code. */
  exitFile(instanceId: string, id: string): string
  /** Where the log files of a replica are. */
  logFolder(record: Pick<ReplicaRecord, 'instanceId' | 'service'>): string
}

/** Reads what earlier control planes left. Files that belong to no record are of replicas that never ran, and go. */
export function replicaRecords(paths: Paths): Replicas {
  const instances = new Map<string, Map<string, ReplicaRecord>>()
  const unwritten = new Map<string, ReplicaRecord>()
  const fileOf = (instanceId: string, id: string, kind: string) =>
    join(paths.instance(instanceId).replicas, `${id}.${kind}`)

  for (const instanceId of namesIn(paths.instances)) {
    const folder = paths.instance(instanceId).replicas
    const files = namesIn(folder)
    for (const file of files.filter(name => name.endsWith('.json'))) {
      const record = readRecord(join(folder, file)) as ReplicaRecord | undefined
      if (record) recordsOf(instanceId).set(record.id, record)
    }
    const known = new Set([...recordsOf(instanceId).keys()].flatMap(id => [`${id}.json`, `${id}.exit`]))
    removeFiles(...files.filter(file => !known.has(file)).map(file => join(folder, file)))
  }

  function recordsOf(instanceId: string): Map<string, ReplicaRecord> {
    const known = instances.get(instanceId) ?? new Map<string, ReplicaRecord>()
    instances.set(instanceId, known)
    return known
  }

  function save(record: ReplicaRecord): void {
    writeRecord(fileOf(record.instanceId, record.id, 'json'), record)
    recordsOf(record.instanceId).set(record.id, record)
    unwritten.delete(record.id)
  }

  return {
    all: () => [...instances.values()].flatMap(records => [...records.values()]),
    of: instanceId => [...(instances.get(instanceId)?.values() ?? [])],
    byId: (instanceId, id) => instances.get(instanceId)?.get(id),
    byName: (instanceId, name) => [...(instances.get(instanceId)?.values() ?? [])].find(record => record.name === name),
    save,
    note(record) {
      recordsOf(record.instanceId).set(record.id, record)
      unwritten.set(record.id, record)
      try {
        save(record)
      } catch (error) {
        if (!isSlipwayError(error, 'disk_full')) throw error
      }
    },
    catchUp() {
      for (const record of unwritten.values()) save(record)
    },
    remove(instanceId, id) {
      unwritten.delete(id)
      removeFiles(fileOf(instanceId, id, 'json'), fileOf(instanceId, id, 'exit'))
      const records = instances.get(instanceId)
      records?.delete(id)
      if (records?.size === 0) instances.delete(instanceId)
    },
    exitFile: (instanceId, id) => fileOf(instanceId, id, 'exit'),
    logFolder: ({ instanceId, service }) => join(paths.instance(instanceId).logs, service),
  }
}
