import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import { roomFault, SlipwayError } from '../../errors.ts'
import type { Fence, RevisionSpec } from '../provider.ts'
import { commandOf } from './command.ts'
import type { Context } from './context.ts'
import { surroundings } from './environment.ts'
import { expand } from './expand.ts'
import { imageGone } from './gone.ts'
import { type Latched, launch } from './launcher.ts'
import { removeReplica, settle } from './observe.ts'
import { segment } from './paths.ts'
import { isPortFree } from './ports.ts'
import { type ReplicaRecord, removeFiles } from './record.ts'
import { turns } from './turns.ts'

/** Starts replicas by name; asked for twice at once, each starts once. */
export type Start = (revision: RevisionSpec, ordinals: readonly number[], fence: Fence) => Promise<void>

/** The starting of replicas. */
export function replicaStarts(context: Context): Start {
  const inTurn = turns()

  async function startNamed(revision: RevisionSpec, ordinal: number, fence: Fence): Promise<void> {
    const name = `${segment(revision.service)}.${segment(revision.revision)}.${ordinal}`
    await inTurn(`${revision.instanceId}/${name}`, async () => {
      if (!isTaken(context, revision.instanceId, name, fence))
        await startReplica(context, revision, name, ordinal, fence)
    })
  }

  return async (revision, ordinals, fence) => {
    context.fences.check(fence)
    const outcomes = await Promise.allSettled(ordinals.map(ordinal => startNamed(revision, ordinal, fence)))
    const failed = outcomes.find(outcome => outcome.status === 'rejected')
    if (failed) throw failed.reason
  }
}

/** A name is taken while there is a record of it, ended or not. */
function isTaken({ replicas }: Context, instanceId: string, name: string, fence: Fence): boolean {
  const record = replicas.byName(instanceId, name)
  if (record && record.storeId !== fence.storeId) {
    throw new SlipwayError(
      'already_exists',
      `The replica ${name} belongs to another Slipway, which used this data folder before.`,
      {
        next: 'Give each database a data folder of its own.',
      },
    )
  }
  return record !== undefined
}

async function startReplica(
  context: Context,
  revision: RevisionSpec,
  name: string,
  ordinal: number,
  fence: Fence,
): Promise<void> {
  const { instanceId } = revision
  await mendCopy(context, revision, fence)
  const id = `${name}-${randomBytes(4).toString('hex')}`
  const reserved = await context.ports.reserve(instanceId, id, revision.ports.length, port =>
    isPortFree(context.host, port),
  )
  const ports = Object.fromEntries(revision.ports.map((port, index) => [port.name, reserved[index] ?? 0]))
  try {
    context.fences.check(fence)
    await launchReplica(context, revision, { id, name, ordinal, ports, instanceId }, fence)
  } catch (error) {
    await context.ports.release(instanceId, id)
    throw roomFault(error, `The replica ${name} cannot be started`)
  }
}

/**
 * A copy that was lost is had again where that can be: what heals finds it gone long after it was prepared. And a program that ends by itself
 * may do so because its files are not what they were: then that is the reason to tell, not the exit.
 */
async function mendCopy({ images, suspects }: Context, revision: RevisionSpec, fence: Fence): Promise<void> {
  const folder = images.folderOf(revision.digest)
  if (existsSync(folder) && !suspects.has(folder)) return
  await images.prepare(revision.image, revision.digest, () => undefined, fence.signal)
  suspects.delete(folder)
}

type Named = Pick<ReplicaRecord, 'id' | 'name' | 'ordinal' | 'ports' | 'instanceId'>

async function launchReplica(context: Context, revision: RevisionSpec, named: Named, fence: Fence): Promise<void> {
  const { paths, images, replicas, logs } = context
  const { instanceId, id } = named
  const { data, replicas: records } = paths.instance(instanceId)
  const { service } = revision
  const dataFolder = join(data, service)
  for (const folder of [dataFolder, records]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  const cwd = images.folderOf(revision.digest)
  if (!existsSync(cwd)) throw imageGone(revision.image, revision.digest)
  const { env, values } = surroundings(revision, named.ports, { data: dataFolder, image: cwd })
  const command = commandOf(revision, cwd).map(word => expand(word, values))
  const folder = replicas.logFolder({ instanceId, service })
  const files = logs.open(folder, id)
  let latched: Latched | undefined
  try {
    latched = await launch({ command, cwd, env, ...files, exitFile: replicas.exitFile(instanceId, id) })
    const { pid, startTime, bootId } = latched
    const record: ReplicaRecord = {
      ...named,
      service,
      revision: revision.revision,
      storeId: fence.storeId,
      epoch: fence.epoch,
      startedAt: timestamp(context.clock.now()),
      cwd,
      pid,
      startTime,
      bootId,
    }
    replicas.save(record)
    context.fences.check(fence)
    latched.child.once('exit', () => void settle(context, record).catch(() => undefined)) // observe meets the same error, and tells
    latched.go()
  } catch (error) {
    latched?.drop()
    const record = replicas.byId(instanceId, id)
    if (record) await removeReplica(context, record)
    else {
      logs.discard(folder, id)
      removeFiles(replicas.exitFile(instanceId, id))
    }
    throw error
  } finally {
    files.close()
  }
}
