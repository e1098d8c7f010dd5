/** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted. */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const aborted = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** The pause before the n-th repetition, milliseconds: twice as long each time, up to `mostMs`, and never the same for two clients. */
export function backoff(n: number, firstMs: number, mostMs: number): number {
  const most = Math.min(mostMs, firstMs * 2 ** (n - 1))
  return most / 2 + (Math.random() * most) / 2
}

/** What is waited for, or the signal's reason when it is aborted before. */
export async function unlessAborted<T>(awaited: T | Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([awaited, aborted])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}
