import type { Clock } from '../../src/clock.ts'
import type { Store, Stores } from '../../src/deploy/work.ts'
import { faultyProvider, faultyRouter } from '../../src/fault/calls.ts'
import type { FaultHook } from '../../src/fault/point.ts'
import { faultyStore, storeReads } from '../../src/fault/store.ts'
import type { Provider } from '../../src/provider/provider.ts'
import type { Router } from '../../src/router/router.ts'

/** The life of one control plane inside the test's process: when it ends, nothing it was doing goes on, as after a kill -9. */
export interface Life {
  readonly over: boolean
  /** Resolves when it is over. */
  readonly end: Promise<void>
  /** Ends it now. */
  kill(): void
  /** Ends it at the fault point that is so many on: see `src/fault`. */
  killAfter(points: number): void
  /** How many fault points were passed. */
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
  const fragile = faultyStore(store, hookOf(of))
  const names = Object.keys(storeReads) as (keyof Stores)[]
  const ports = names.map(name => [name, mortal(fragile[name], of)] as const)
  return {
    ...(Object.fromEntries(ports) as unknown as Stores),
    ...mortal({ transaction: fragile.transaction }, of),
    storeId: store.storeId,
    close: () => store.close(),
  }
}

/** The same of a provider. */
export function mortalProvider(provider: Provider, of: Life): Provider {
  return mortal(faultyProvider(provider, hookOf(of)), of)
}

/** The same of a router. */
export function mortalRouter(router: Router, of: Life): Router {
  return mortal(faultyRouter(router, hookOf(of)), of)
}

/** Counts, and keeps what was about to happen from happening once it is over. */
function hookOf(of: Life): FaultHook {
  return () => {
    ;(of as Inside).point()
    if (of.over) throw new Error('killed')
  }
}

/** Anything with methods. After the end none of them answers. */
function mortal<T extends object>(target: T, of: Life): T {
  return new Proxy(target, {
    get(port, key) {
      const value: unknown = Reflect.get(port, key)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (of.over) return never()
        const answer: unknown = Reflect.apply(value, port, args)
        if (!(answer instanceof Promise)) return answer
        return answer.then(
          result => (of.over ? never() : result),
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

function never(): Promise<never> {
  return new Promise(() => {})
}
