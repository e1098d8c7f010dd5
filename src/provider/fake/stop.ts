import { SlipwayError } from '../../errors.ts'
import type { Fence } from '../provider.ts'
import type { FakeWorld } from './world.ts'

/** Throws `forbidden` when one of these replicas is another store's. */
export function refuseStrangers({ inside }: FakeWorld, ids: readonly string[], fence: Fence): void {
  const stranger = ids.map(id => inside.get(id)?.view()).find(view => view && view.storeId !== fence.storeId)
  if (!stranger) return
  throw new SlipwayError('forbidden', `The replica ${stranger.name} belongs to another Slipway; it was left alone.`, {
    next: 'Give each Slipway a platform of its own, or adopt the instance.',
  })
}

/** Ends one replica with grace. SIGTERM was sent with the call; `send` stands for each request after it and throws when there may be none. */
export async function stopReplica(
  { inside, clock }: FakeWorld,
  id: string,
  graceMs: number,
  signal: AbortSignal,
  send: (request: 'kill' | 'remove', id: string) => void,
): Promise<void> {
  const replica = inside.get(id)
  if (!replica) return
  replica.terminate()
  const ended = new AbortController()
  const grace = clock.sleep(graceMs, AbortSignal.any([ended.signal, signal])).then(
    () => 'over' as const,
    (error: unknown) => {
      if (signal.aborted) throw error
      return 'ended' as const
    },
  )
  const outcome = await Promise.race([replica.exited.then(() => 'ended' as const), grace])
  ended.abort()
  if (outcome === 'over') {
    send('kill', id)
    replica.end(137)
  }
  send('remove', id)
  inside.remove(id)
}
