import { unlessAborted } from '../../abort.ts'

/** Work that many may wait for at once, by its key. */
export interface Shared<T, News> {
  /**
   * Waits for the work of this key, which begins when nobody waits for it yet. It is ended when all who wait have given up; the last of
   * them is back once it has. `onNews` hears what it tells.
   */
  join(
    key: string,
    work: (signal: AbortSignal, tell: (news: News) => void) => Promise<T>,
    given: { readonly signal?: AbortSignal | undefined; readonly onNews?: (news: News) => void },
  ): Promise<T>
  /** Ends all of it with this reason; resolves when it has. */
  end(reason: Error): Promise<void>
}

interface Running<T, News> {
  readonly promise: Promise<T>
  readonly controller: AbortController
  readonly listeners: Set<(news: News) => void>
  waiting: number
}

export function shared<T, News>(): Shared<T, News> {
  const running = new Map<string, Running<T, News>>()
  const all = new Set<Promise<unknown>>()

  function begin(key: string, work: Parameters<Shared<T, News>['join']>[1]): Running<T, News> {
    const controller = new AbortController()
    const listeners = new Set<(news: News) => void>()
    const tell = (news: News) => {
      for (const listener of listeners) listener(news)
    }
    const promise = work(controller.signal, tell).finally(() => {
      all.delete(promise)
      if (running.get(key) === begun) running.delete(key)
    })
    all.add(promise)
    promise.catch(() => undefined) // who still waits hears of it
    const begun = { promise, controller, listeners, waiting: 0 }
    running.set(key, begun)
    return begun
  }

  return {
    async join(key, work, { signal, onNews = () => undefined }) {
      signal?.throwIfAborted()
      const joined = running.get(key) ?? begin(key, work)
      const listener = (news: News) => onNews(news)
      joined.listeners.add(listener)
      joined.waiting++
      try {
        return await (signal ? unlessAborted(joined.promise, signal) : joined.promise)
      } finally {
        joined.listeners.delete(listener)
        joined.waiting--
        if (joined.waiting === 0 && running.get(key) === joined) {
          // Whoever comes now begins anew.
          running.delete(key)
          joined.controller.abort(signal?.reason)
          await joined.promise.catch(() => undefined) // its end is what is waited for
        }
      }
    },
    async end(reason) {
      for (const { controller } of running.values()) controller.abort(reason)
      await Promise.allSettled(all)
    },
  }
}
