import type { Store, Stores } from '../deploy/work.ts'
import { faulty } from './calls.ts'
import { between, type FaultHook, type FaultWrite } from './point.ts'

/** What only reads, port by port. Everything else is a fault point, a method that is added tomorrow too. */
export const storeReads: { readonly [P in keyof Stores]: readonly (keyof Stores[P])[] } = {
  deploys: [
    'getDeployment',
    'listDeployments',
    'listByState',
    'getRelease',
    'listReleases',
    'firstRelease',
    'activeRelease',
    'findDeployments',
    'backlog',
  ],
  instances: ['get', 'list', 'bySlug', 'countPerTenant', 'summary'],
  events: ['read', 'recent', 'lastSeq', 'cursor', 'prunedTo'],
  secrets: ['get', 'versions', 'list'],
  tokens: ['byHash', 'get', 'list'],
  tenants: ['get', 'hold', 'list', 'loads'],
  requests: [],
  audit: ['list'],
  tasks: ['get', 'list', 'unended', 'waits', 'cancelling'],
  webhooks: ['get', 'list', 'enabled', 'allEnabled', 'due', 'dueWebhooks', 'nextDue', 'delivery', 'deliveries'],
  work: [
    'fence',
    'nextWake',
    'load',
    'living',
    'images',
    'queue',
    'run',
    'steps',
    'signals',
    'takenPorts',
    'reservations',
  ],
  // It is noted by the second, not by what happens: as a fault point each note would be at another place in every run, and nothing depends on it.
  history: [
    'addSamples',
    'samples',
    'countSamples',
    'thinSamples',
    'noteHealth',
    'lasting',
    'spans',
    'noteWatch',
    'watches',
    'pruneHealth',
    'notePruned',
    'pruned',
    'outcomes',
    'broughtOut',
    'ranForMs',
    'succeeded',
    'running',
  ],
}

const portNames = Object.keys(storeReads) as (keyof Stores)[]

/**
 * A store whose commits are fault points. A transaction that writes has one before and one after its commit, named by its writes in their
 * order, repeated ones once: `before commit[work.saveStep,work.patch,events.append]`. A write outside of one is a commit of its own:
 * `after work.beat`. Inside a transaction there are none: whatever breaks there is rolled back, as before the commit.
 */
export function faultyStore(store: Store, hook: FaultHook): Store {
  const ports = through(store, (call, args, make) => between(call, args, hook, make as () => Promise<unknown>))
  const own = {
    ...ports,
    async transaction<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
      const writes: FaultWrite[] = []
      const name = (): string => `commit[${namesOf(writes).join()}]`
      const result = await store.transaction(async tx => {
        writes.length = 0
        const done = await work(noting(tx, writes))
        if (writes.length > 0) hook({ name: `before ${name()}`, when: 'before', args: writes })
        return done
      })
      if (writes.length > 0) hook({ name: `after ${name()}`, when: 'after', args: writes })
      return result
    },
  }
  const rest = faulty(store, 'store', ['close', 'hints'], (call, args, make) => between(call, args, hook, make))
  return new Proxy(store, { get: (_, key) => Reflect.get(Object.hasOwn(own, key) ? own : rest, key) as unknown })
}

function noting(tx: Stores, writes: FaultWrite[]): Stores {
  return through(tx, (call, args, make) => {
    writes.push({ call, args })
    return make()
  })
}

function through(stores: Stores, around: Parameters<typeof faulty>[3]): Stores {
  const ports = portNames.map(name => [name, faulty(stores[name], name, storeReads[name] as never, around)] as const)
  return Object.fromEntries(ports) as unknown as Stores
}

/** A row of equal writes counts once: how many ports were given back is no other moment. */
function namesOf(writes: readonly FaultWrite[]): string[] {
  return writes.map(({ call }) => call).filter((call, index, all) => call !== all[index - 1])
}
