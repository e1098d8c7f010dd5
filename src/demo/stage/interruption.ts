import type { World } from '../../cli/world.ts'

/** Somebody wants the program to end before it is through. */
export class Interrupted extends Error {
  constructor(by: string) {
    super(`Interrupted by ${by}.`)
  }
}

/** npm passes a terminal's Ctrl-C on, so that it arrives twice. */
const echoMs = 1000

/** Aborted when the program is to end. Disposing of it lets go of the world. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal
}

/**
 * By Ctrl-C, by a signal, because nobody reads its output any more, or because something threw that nobody caught. There is one chance to
 * clean up: a second Ctrl-C ends the process where it is.
 */
export function interruption(world: Pick<World, 'stderr' | 'onInterrupt' | 'onClosed' | 'onFailure'>): Interruption {
  const controller = new AbortController()
  const end = (reason: Error): void => controller.abort(reason)
  const interrupts = world.onInterrupt(name => {
    if (controller.signal.aborted) return
    // The next one finds nobody who listens.
    setTimeout(() => interrupts.dispose(), echoMs).unref()
    end(new Interrupted(name))
  })
  // Where nobody reads, nobody needs to be told again.
  const closed = world.onClosed(() => end(new Interrupted('its reader, who left')))
  const failures = world.onFailure(error => {
    if (controller.signal.aborted) world.stderr.write(`While cleaning up: ${error.stack ?? error.message}\n`)
    else end(error)
  })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const listening of [interrupts, closed, failures]) listening.dispose()
    },
  }
}

/** Rejects with the signal's reason once it is aborted. */
export function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason as Error)
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  return promise
}
