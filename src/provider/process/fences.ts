import { SlipwayError } from '../../errors.ts'
import type { Fence } from '../provider.ts'

/** Refuses who acts under an epoch that is over, as far as this provider saw a higher one. */
export interface Fences {
  /** Throws `lease_lost`, `closed`, or the reason for which the fence was aborted. Call before each single thing that changes something. */
  check(fence: Fence): void
  /** Whether somebody with this store id acts through this provider: what carries another one is a stranger's. */
  knows(storeId: string): boolean
}

/** Starts from the epochs that `seen` carries. */
export function fences(
  ensureOpen: () => void,
  seen: Iterable<{ readonly storeId: string; readonly instanceId: string; readonly epoch: number }>,
): Fences {
  const highest = new Map<string, number>()
  const stores = new Set<string>()
  const note = (storeId: string, instanceId: string, epoch: number): boolean => {
    const key = `${storeId}/${instanceId}`
    const known = highest.get(key) ?? 0
    if (epoch > known) highest.set(key, epoch)
    return epoch >= known
  }
  for (const { storeId, instanceId, epoch } of seen) note(storeId, instanceId, epoch)
  return {
    check(fence) {
      ensureOpen()
      fence.signal.throwIfAborted()
      stores.add(fence.storeId)
      if (!note(fence.storeId, fence.instanceId, fence.epoch)) {
        throw new SlipwayError(
          'lease_lost',
          `Epoch ${fence.epoch} of instance ${fence.instanceId} is over: a later one acts already.`,
        )
      }
      fence.check()
    },
    knows: storeId => stores.has(storeId),
  }
}
