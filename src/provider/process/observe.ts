import type { Replica } from '../provider.ts'
import type { Context } from './context.ts'
import { signalGroup } from './group.ts'
import { type Life, lifeOf, livingState } from './life.ts'
import type { ReplicaRecord } from './record.ts'

/** A replica as its processes are right now. Undefined once nothing is left to tell of it. */
export async function observeReplica(context: Context, record: ReplicaRecord): Promise<Replica | undefined> {
  const settled = await settle(context, record)
  return settled && replicaOf(context, ...settled)
}

/**
 * Brings the record in line with the processes: notes how it ended, ends what it left behind, and removes it when it never ran. From
 * the moment the end is noted nothing of the group exists, and its number is never signalled again.
 */
export async function settle(context: Context, given: ReplicaRecord): Promise<[ReplicaRecord, Life] | undefined> {
  const { replicas, logs } = context
  context.ensureOpen()
  const record = replicas.byId(given.instanceId, given.id)
  if (!record) return undefined
  if (record.exitCode !== undefined) return [record, { state: 'ended', exitCode: record.exitCode }]
  const life = lifeOf(record, replicas.exitFile(record.instanceId, record.id))
  if (life.state === 'leftover') {
    // One that is being stopped gives them its grace; a stranger's is the stranger's.
    if (record.stoppingAt === undefined && context.fences.knows(record.storeId)) signalGroup(record, 'SIGKILL')
    context.watched.set(record.id, record)
  }
  if (life.state === 'never') {
    await removeReplica(context, record)
    return undefined
  }
  if (life.state !== 'ended') return [record, life]
  if (endedByItself(record, life.exitCode)) context.suspects.add(record.cwd)
  const ended = { ...record, exitCode: life.exitCode }
  replicas.note(ended)
  logs.finish(replicas.logFolder(record), record.id)
  context.changed(record.instanceId)
  return [ended, life]
}

/** Nobody told it to, and no signal ended it: a shell tells those as 128 and more. */
function endedByItself({ stoppingAt }: ReplicaRecord, exitCode: number): boolean {
  return stoppingAt === undefined && exitCode >= 0 && exitCode < 128
}

/** Removes a replica that has no process any more; its name and ports are free then, its logs stay for a while. */
export async function removeReplica(context: Context, record: ReplicaRecord): Promise<void> {
  const { replicas, logs, ports } = context
  const folder = replicas.logFolder(record)
  logs.finish(folder, record.id)
  replicas.remove(record.instanceId, record.id)
  logs.prune(folder)
  await ports.release(record.instanceId, record.id)
  context.changed(record.instanceId)
}

function replicaOf({ host }: Context, record: ReplicaRecord, life: Life): Replica {
  const { id, name, service, revision, ordinal, ports, startedAt, storeId, epoch } = record
  const ended = life.state === 'ended'
  return {
    id,
    name,
    service,
    revision,
    ordinal,
    state: ended ? 'exited' : livingState(life, record.stoppingAt),
    ...(ended ? { exitCode: life.exitCode } : {}),
    addresses: Object.fromEntries(Object.entries(ports).map(([port, number]) => [port, { host, port: number }])),
    startedAt,
    storeId,
    epoch,
  }
}
