import { rm } from 'node:fs/promises'
import { SlipwayError } from '../../errors.ts'
import type { Fence } from '../provider.ts'
import type { Context } from './context.ts'
import { settle } from './observe.ts'
import type { Tasks } from './task.ts'

/**
 * Removes everything of an instance: data, logs, records, reservations. Tasks that still run are killed, since nobody else can end them;
 * with a replica that runs, or is another store's, it throws `instance_state` and touches nothing.
 */
export async function forgetInstance(context: Context, tasks: Tasks, instanceId: string, fence: Fence): Promise<void> {
  const { replicas, ports, logs, paths } = context
  for (const record of replicas.of(instanceId)) await settle(context, record)
  context.fences.check(fence)
  const records = replicas.of(instanceId)
  const present = records.find(record => record.exitCode === undefined || record.storeId !== fence.storeId)
  if (present) {
    throw new SlipwayError(
      'instance_state',
      `The instance ${instanceId} cannot be forgotten: its replica ${present.name} is still there.`,
      {
        next: 'Stop its replicas first.',
      },
    )
  }
  tasks.kill(instanceId)
  for (const { id } of records) {
    replicas.remove(instanceId, id)
    await ports.release(instanceId, id)
  }
  const { root } = paths.instance(instanceId)
  logs.drop(root)
  // Tried again, because what was just killed may have been making a file.
  await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
}
