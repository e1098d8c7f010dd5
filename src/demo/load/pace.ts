/** Calls `send` at fixed times, `perSecond` of them, however long anything takes. Returns a function that ends it. */
export function pace(perSecond: number, send: (lateMs: number, index: number) => void): () => void {
  if (perSecond <= 0) return () => undefined
  const began = performance.now()
  let index = 0
  let timer: NodeJS.Timeout
  const tick = (): void => {
    const now = performance.now()
    let due = began + (index * 1000) / perSecond
    // Whatever is due goes out now: a tick that came late sends more, never less.
    for (; due <= now; due = began + (index * 1000) / perSecond) send(now - due, index++)
    timer = setTimeout(tick, Math.max(1, due - now))
  }
  tick()
  return () => clearTimeout(timer)
}
