/** Notices that the other end has gone silent, although it was asked. */
export interface Heartbeat {
  /** Something came. */
  heard(): void
  stop(): void
}

/**
 * Calls `ask` every `everyMs`, and `onDeaf` each time nothing was heard for another `deafAfterMs`. Only time in which this process was awake counts: who
 * slept, or was stopped, cannot say that the other one was silent. Keeps no program from ending.
 */
export function heartbeat(
  { everyMs, deafAfterMs }: { readonly everyMs: number; readonly deafAfterMs: number },
  ask: () => void,
  onDeaf: () => void,
): Heartbeat {
  let last = performance.now()
  let silentMs = 0
  const timer = setInterval(() => {
    const now = performance.now()
    silentMs += Math.min(now - last, 2 * everyMs)
    last = now
    if (silentMs < deafAfterMs) return ask()
    silentMs = 0
    onDeaf()
  }, everyMs).unref()
  return {
    heard: () => {
      silentMs = 0
    },
    stop: () => clearInterval(timer),
  }
}
