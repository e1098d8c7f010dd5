import type { Store, Stores } from '../deploy/work.ts'
import { isSlipwayError } from '../errors.ts'
import type { Event } from '../event/event.ts'
import type { Observer } from './observer.ts'
import { currentTraceparent } from './trace-context.ts'

/** What is told of a store. */
export type StoreObserver = Pick<Observer, 'committed'> & Partial<Pick<Observer, 'transaction' | 'claimed' | 'refused'>>

/**
 * A store that tells what was committed to it: events once they are on disk, and never those that were rolled back; leases that were
 * claimed; and writes that were refused because their lease was lost. Keeps with each new deployment the trace in which it was asked for.
 */
export function observedStore(store: Store, observer: StoreObserver): Store {
  const ports = told(store, observer, event => observer.committed([event]))
  const own: Partial<Store> = {
    ...ports,
    async transaction<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
      const began = performance.now()
      const seconds = (): number => (performance.now() - began) / 1000
      let events: Event[] = []
      try {
        const result = await store.transaction(async tx => {
          events = []
          return await work(
            over(
              tx,
              told(tx, observer, event => void events.push(event)),
            ),
          )
        })
        observer.transaction?.(seconds(), 'committed')
        if (events.length > 0) observer.committed(events)
        return result
      } catch (error) {
        observer.transaction?.(seconds(), 'rolled_back')
        throw error
      }
    },
  }
  return over(store, own)
}

function told(
  stores: Stores,
  observer: StoreObserver,
  appended: (event: Event) => void,
): Pick<Stores, 'deploys' | 'events' | 'work'> {
  const { deploys, events, work } = stores
  const fenced = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (error) {
      if (isSlipwayError(error, 'lease_lost')) observer.refused?.('store')
      throw error
    }
  }
  return {
    deploys: over(deploys, {
      insertDeployment: (deployment, request) => deploys.insertDeployment(deployment, request, currentTraceparent()),
    }),
    events: over(events, {
      async append(event) {
        const written = await events.append(event)
        appended(written)
        return written
      },
    }),
    work: over(work, {
      async claimDue(worker, limit) {
        const claims = await work.claimDue(worker, limit)
        if (claims.length > 0) observer.claimed?.(claims.length)
        return claims
      },
      async claim(worker, instanceId) {
        const claim = await work.claim(worker, instanceId)
        if (claim) observer.claimed?.(1)
        return claim
      },
      fence: claim => fenced(() => work.fence(claim)),
      advance: claim => fenced(() => work.advance(claim)),
      raise: (claim, epoch) => fenced(() => work.raise(claim, epoch)),
    }),
  }
}

/** An object with some of its methods put in place of its own. */
function over<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(of, key) {
      if (Object.hasOwn(own, key)) return Reflect.get(own, key) as unknown
      const value: unknown = Reflect.get(of, key)
      return typeof value === 'function' ? (value.bind(of) as unknown) : value
    },
  })
}
