import { timestamp } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Fence } from '../provider.ts'
import type { Context } from './context.ts'
import { hasBegun, signalGroup } from './group.ts'
import { removeReplica, settle } from './observe.ts'
import type { ReplicaRecord } from './record.ts'

/** Ends replicas and removes them. When the fence is aborted, what was begun stays as it is and is observed as `stopping`. */
export async function stopReplicas(
  context: Context,
  instanceId: string,
  ids: readonly string[],
  graceMs: number,
  fence: Fence,
): Promise<void> {
  context.fences.check(fence)
  const records = ids.map(id => context.replicas.byId(instanceId, id)).filter(record => record !== undefined)
  const stranger = records.find(record => record.storeId !== fence.storeId)
  if (stranger) {
    throw new SlipwayError('forbidden', `The replica ${stranger.name} belongs to another Slipway; it was left alone.`, {
      next: 'Stop it there.',
    })
  }
  await Promise.all(records.map(record => stopReplica(context, record, graceMs, fence)))
}

async function stopReplica(context: Context, given: ReplicaRecord, graceMs: number, fence: Fence): Promise<void> {
  const { clock, replicas } = context
  let killAt: number | undefined
  let killed = false
  for (let waitMs = 1; ; waitMs = Math.min(20, waitMs * 1.5)) {
    const settled = await settle(context, given)
    if (!settled) return
    const [, life] = settled
    // As it is now: somebody else may have noted something while we waited.
    const record = replicas.byId(given.instanceId, given.id)
    if (!record) return
    if (life.state === 'ended' || record.exitCode !== undefined) {
      context.fences.check(fence)
      await removeReplica(context, record)
      return
    }
    killAt ??= clock.monotonic() + remainingGrace(record, graceMs, clock.now())
    // Sent while the launcher is still on its way, a signal would be lost: the launcher survives it, and nobody else is there yet.
    if (record.stoppingAt === undefined && (hasBegun(record) || clock.monotonic() >= killAt)) {
      context.fences.check(fence)
      // First the signal: noted but not sent, it would be waited for in vain.
      signalGroup(record, 'SIGTERM')
      replicas.note({ ...record, stoppingAt: timestamp(clock.now()) })
      context.changed(record.instanceId)
    }
    if (!killed && clock.monotonic() >= killAt) {
      context.fences.check(fence)
      signalGroup(record, 'SIGKILL')
      killed = true
    }
    await clock.sleep(waitMs, fence.signal)
  }
}

/** What is left of the grace of one that was told to stop before, perhaps by an earlier control plane. */
function remainingGrace({ stoppingAt }: ReplicaRecord, graceMs: number, now: number): number {
  if (stoppingAt === undefined) return graceMs
  return Math.min(graceMs, Math.max(0, Date.parse(stoppingAt) + graceMs - now))
}
