import type { Clock } from '../../src/clock.ts'
import type { Store, Stores } from '../../src/deploy/work.ts'

/** The life of one control plane inside the test's process: when it ends, nothing it was doing goes on, as after a kill -9. */
export interface Life {
  readonly over: boolean
  /** Resolves when it is over. */
  readonly end: Promise<void>
  /** Ends it now. */
  kill(): void
  /** Ends it when so many more things were done to store, platform or router: before or after each commit, before or after each call. */
  killAfter(points: number): void
  /** How many such moments there have been. */
  readonly points: number
}

interface Inside extends Life {
  point(): void
}

/** A life that goes on until it is ended. */
export function life(): Life {
  const { promise, resolve } = Promise.withResolvers<void>()
  let over = false
  let points = 0
  let last = Number.POSITIVE_INFINITY
  const made: Inside = {
    get over() {
      return over
    },
    end: promise,
    kill() {
      over = true
      resolve()
    },
    killAfter(more) {
      last = points + more
    },
    get points() {
      return points
    },
    point() {
      if (over) return
      points += 1
      if (points >= last) made.kill()
    },
  }
  return made
}

/** A store that a control plane uses for as long as it lives. What it had not committed is rolled back. */
export function mortalStore(store: Store, of: Life): Store {
  const inside = of as Inside
  const ports = (['deploys', 'instances', 'events', 'secrets', 'work'] as const).map(
    name => [name, mortal(store[name], of)] as const,
  )
  return {
    ...(Object.fromEntries(ports) as unknown as Stores),
    storeId: store.storeId,
    close: () => store.close(),
    async transaction(work) {
      if (of.over) return never()
      const committed = store.transaction(async tx => {
        const result = await work(refusing(tx, of))
        inside.point()
        if (of.over) throw new Error('killed before the commit')
        return result
      })
      const result = await committed.catch(error => (of.over ? never() : Promise.reject(error)))
      inside.point()
      return of.over ? never() : result
    },
  }
}

/** Anything with methods, of which `changing` are the ones that change something. After the end none of them answers. */
export function mortal<T extends object>(target: T, of: Life, changing: readonly string[] = []): T {
  const inside = of as Inside
  return new Proxy(target, {
    get(port, key) {
      const value: unknown = Reflect.get(port, key)
      if (typeof value !== 'function') return value
      const counts = changing.includes(String(key))
      return (...args: unknown[]): unknown => {
        if (counts) inside.point()
        if (of.over) return never()
        const answer: unknown = Reflect.apply(value, port, args)
        if (!(answer instanceof Promise)) return answer
        return answer.then(
          result => {
            if (counts) inside.point()
            return of.over ? never() : result
          },
          error => (of.over ? never() : Promise.reject(error)),
        )
      }
    },
  })
}

/** A clock whose timers end with the life that waits for them. */
export function mortalClock(clock: Clock, of: Life): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    async sleep(ms, signal) {
      await clock.sleep(ms, signal)
      if (of.over) await never()
    },
    after(ms, run) {
      const cancel = clock.after?.(ms, () => {
        if (!of.over) run()
      })
      return () => cancel?.()
    },
  }
}

/** Inside a transaction a call after the end is refused, so that the transaction is rolled back. */
function refusing(tx: Stores, of: Life): Stores {
  const ports = (['deploys', 'instances', 'events', 'secrets', 'work'] as const).map(name => {
    const port = new Proxy(tx[name], {
      get(target, key) {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          if (of.over) throw new Error('killed inside a transaction')
          return Reflect.apply(value, target, args)
        }
      },
    })
    return [name, port] as const
  })
  return Object.fromEntries(ports) as unknown as Stores
}

function never(): Promise<never> {
  return new Promise(() => {})
}
