import type { Clock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import { type Fault, scriptedFaults } from '../../provider/fake/fault.ts'
import { seededRandom } from '../../provider/fake/random.ts'
import type { RevisionTraffic, Router } from '../router.ts'
import {
  type AppliedTable,
  drain,
  type FakeProxy,
  fakeProxy,
  forget,
  type InFlight,
  stillServing,
  use,
} from './proxy.ts'

/** The calls of a router that faults can be scripted for. */
export type FakeRouterMethod =
  | 'allocatePort'
  | 'apply'
  | 'observe'
  | 'tables'
  | 'drain'
  | 'traffic'
  | 'forget'
  | 'check'

/** A router in memory, and what a test may do with it. */
export interface FakeRouter extends Router {
  readonly proxy: FakeProxy
  /** Every table that came into use, in order: weights over time. */
  readonly applied: readonly AppliedTable[]
  /** How many tables were refused because a higher (epoch, version) was in use. */
  readonly refused: number
  /** Sets what `traffic` tells of one revision. Left out: 0. */
  setTraffic(
    instanceId: string,
    traffic: Partial<RevisionTraffic> & Pick<RevisionTraffic, 'service' | 'revision'>,
  ): void
  /** Sets what is on its way to a replica when it is drained. */
  setInFlight(replicaId: string, inFlight: InFlight): void
  fault(fault: Fault<FakeRouterMethod>): void
  clearFaults(): void
  /** While true, every call fails. */
  unreachable: boolean
  /** Loses every table, as a proxy does whose disk was emptied. */
  forgetAll(): void
  /** Tells that it was started again, as a proxy does that was killed. Its counters begin at 0. */
  restart(): void
}

/** What a fake router is made with. */
export interface FakeRouterOptions {
  /** Default `fake`. */
  readonly name?: string
  readonly clock?: Clock
  readonly seed?: number
  /** The memory to use. Default: a new one. */
  readonly proxy?: FakeProxy
}

/** Bucket bounds of the latencies a fake router tells, milliseconds. */
export const fakeLatencyBoundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const

/** A router for tests: it routes nothing, and keeps every table it was given. */
export function fakeRouter(options: FakeRouterOptions = {}): FakeRouter {
  const { name = 'fake', seed = 1 } = options
  const proxy = options.proxy ?? fakeProxy(options.clock)
  const { clock } = proxy
  const faults = scriptedFaults<FakeRouterMethod>('fake router', clock, seededRandom(seed))
  const watchers = new Set<() => void>()
  let closed = false

  const call = async <T>(
    method: FakeRouterMethod,
    instanceId: string | undefined,
    signal: AbortSignal | undefined,
    effect: () => T | Promise<T>,
  ): Promise<T> => {
    if (closed) throw new SlipwayError('closed', `The router "${name}" was closed.`)
    if (router.unreachable) {
      throw new SlipwayError('unavailable', `The fake router did not answer "${method}".`, {
        next: 'It was scripted to be unreachable.',
      })
    }
    return await faults.through(method, instanceId, effect, signal)
  }

  const router: FakeRouter = {
    name,
    proxy,
    front: { host: '127.0.0.1', port: 8080 },
    unreachable: false,
    applied: proxy.applied,
    get refused() {
      return proxy.refused
    },
    allocatePort: taken =>
      call('allocatePort', undefined, undefined, () => {
        const routes = [...proxy.tables.values()].flatMap(table => Object.values(table.services))
        const used = new Set(routes.map(route => route.port))
        for (let port = 20_000; port < 28_000; port++) if (!taken.has(port) && !used.has(port)) return port
        throw new SlipwayError('ports_exhausted', 'The fake router has no port left from 20000 to 27999.')
      }),
    async apply(table, fence) {
      fence.check()
      await call('apply', table.instanceId, fence.signal, () => use(proxy, table))
    },
    observe: (instanceId, signal) => call('observe', instanceId, signal, () => proxy.tables.get(instanceId)),
    tables: signal =>
      call('tables', undefined, signal, () =>
        [...proxy.tables.values()].map(({ instanceId, storeId, epoch }) => ({ instanceId, storeId, epoch })),
      ),
    drain: (instanceId, ids, deadlineMs, signal) =>
      call('drain', instanceId, signal, () => {
        const serving = stillServing(proxy.tables.get(instanceId), ids)
        if (serving.length > 0)
          throw new SlipwayError('internal', `Asked to drain what is serving: ${serving.join(', ')}.`)
        return drain(proxy, ids, deadlineMs, signal)
      }),
    traffic: (instanceId, signal) => call('traffic', instanceId, signal, () => proxy.traffic.get(instanceId) ?? []),
    async forget(instanceId, fence) {
      fence.check()
      await call('forget', instanceId, fence.signal, () => forget(proxy, instanceId, fence))
    },
    check: signal => call('check', undefined, signal, () => ({ ok: true, message: 'The fake router answers.' })),
    watch(onChange) {
      watchers.add(onChange)
      return () => watchers.delete(onChange)
    },
    async close() {
      closed = true
    },
    setTraffic(instanceId, traffic) {
      const others = (proxy.traffic.get(instanceId) ?? []).filter(
        known => known.service !== traffic.service || known.revision !== traffic.revision,
      )
      proxy.traffic.set(instanceId, [...others, { ...noTraffic, ...traffic }])
    },
    setInFlight: (replicaId, inFlight) => void proxy.inFlight.set(replicaId, inFlight),
    fault: fault => faults.add(fault),
    clearFaults: () => faults.clear(),
    forgetAll() {
      proxy.tables.clear()
      proxy.highest.clear()
    },
    restart() {
      proxy.traffic.clear()
      for (const tell of watchers) tell()
    },
  }
  return router
}

const noTraffic = {
  requests: 0,
  errors: 0,
  latencyBoundsMs: fakeLatencyBoundsMs,
  latencyCounts: Array.from({ length: fakeLatencyBoundsMs.length + 1 }, () => 0),
  active: 0,
  activeWebSockets: 0,
}
