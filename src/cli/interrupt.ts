import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

/** Ctrl-C as a signal, from when it is first asked for. */
export interface Interruption {
  readonly signal: AbortSignal
  dispose(): void
}

/** Listens for the first Ctrl-C. The second one finds no listener, and ends the process as it ends any. */
export function interruptionOf(world: Pick<World, 'onInterrupt'>): Interruption {
  const controller = new AbortController()
  const listening = world.onInterrupt(() => {
    listening.dispose()
    controller.abort(new Refusal(exit.interrupted, 'interrupted', 'Interrupted: nothing was changed.'))
  })
  return { signal: controller.signal, dispose: () => listening.dispose() }
}

/**
 * Asks for a change. Who interrupts it before the answer came is told that it may have been done, and how to `look`.
 *
 * @example
 * await changing(() => client.tokens.revoke(id, { signal }), 'Look:  slipway tokens list')
 */
export async function changing<T>(act: () => Promise<T>, look: string): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'interrupted') throw error
    throw new Refusal(
      exit.interrupted,
      'interrupted',
      'Interrupted before the answer came: it may have been done all the same.',
      look,
    )
  }
}
