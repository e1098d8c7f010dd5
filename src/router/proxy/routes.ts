import { isDeepStrictEqual } from 'node:util'
import { SlipwayError } from '../../errors.ts'
import type { RevisionTraffic, RouteTable, ServiceRoute } from '../router.ts'
import type { LiveEndpoint } from './endpoint.ts'
import { type LiveInstance, liveService } from './instance.ts'
import type { LiveService } from './service.ts'
import { type TrafficCount, trafficOf } from './traffic.ts'

const rememberedEpochs = 10_000

/** The route tables in use: who answers for a port and for a host name. Everything here is one synchronous tick. */
export class Routes {
  /** The store that the data folder belongs to. What is left here of another one gives way to it. */
  readonly #ownStore: string | undefined
  readonly #instances = new Map<string, LiveInstance>()
  readonly #byPort = new Map<number, LiveService>()
  readonly #byHost = new Map<string, LiveService>()
  /** Port or host name → the instance that has it, or is about to. */
  readonly #claims = new Map<number | string, string>()
  /** Instances that were forgotten, and what they were at: nothing late brings them back. */
  readonly #forgotten = new Map<string, { readonly epoch: number; readonly version: number }>()

  constructor(ownStore?: string) {
    this.#ownStore = ownStore
  }

  /** Instances that are routed by the table of a store that is not ours. */
  strangers(): string[] {
    if (this.#ownStore === undefined) return []
    return this.tables().flatMap(({ instanceId, storeId }) => (storeId === this.#ownStore ? [] : [instanceId]))
  }

  onPort(port: number): LiveService | undefined {
    return this.#byPort.get(port)
  }

  onHost(host: string): LiveService | undefined {
    return this.#byHost.get(host)
  }

  tables(): RouteTable[] {
    return [...this.#instances.values()].map(instance => instance.table)
  }

  table(instanceId: string): RouteTable | undefined {
    return this.#instances.get(instanceId)?.table
  }

  /** Whether the table is newer than the one in use or the very same. Throws `lease_lost` when it is neither, `forbidden` for another store's. */
  judge(table: RouteTable): 'newer' | 'same' {
    const last = this.table(table.instanceId)
    const reached = last ?? this.#forgotten.get(table.instanceId)
    if (!reached) return 'newer'
    if (last && last.storeId !== table.storeId) {
      if (table.storeId === this.#ownStore) return 'newer'
      throw stranger(table.instanceId, last.storeId, table.storeId)
    }
    const order = table.epoch - reached.epoch || table.version - reached.version
    if (order > 0) return 'newer'
    if (order === 0 && isDeepStrictEqual(last, table)) return 'same'
    const how = last ? (order === 0 ? ' with other content' : '') : ' and forgotten'
    throw stale(table, `is at (${reached.epoch}, ${reached.version})${how}`)
  }

  /** Reserves the ports and hosts of a table for its instance; returns a function that gives back those that were new. Throws `already_exists`. */
  claim(table: RouteTable): () => void {
    const wanted = Object.values(table.services).flatMap<number | string>(route => [route.port, ...route.hosts])
    const twice = wanted.find((one, at) => wanted.indexOf(one) !== at)
    if (twice !== undefined) throw taken(twice, table.instanceId)
    for (const one of wanted) {
      const owner = this.#claims.get(one)
      if (owner !== undefined && owner !== table.instanceId) throw taken(one, owner)
    }
    const fresh = wanted.filter(one => !this.#claims.has(one))
    for (const one of fresh) this.#claims.set(one, table.instanceId)
    return () => {
      for (const one of fresh) this.#claims.delete(one)
    }
  }

  /** Puts a table in use in place of the instance's last one; returns the ports that are not needed any more. Its claims must be held. */
  use(table: RouteTable): number[] {
    const last = this.#instances.get(table.instanceId)
    const instance: LiveInstance = last ?? { table, services: new Map(), endpoints: new Map(), traffic: new Map() }
    const before = last ? Object.values(last.table.services) : []
    const present = new Set<LiveEndpoint>()
    const services = new Map<string, LiveService>()
    for (const [name, route] of Object.entries(table.services)) {
      services.set(name, liveService(instance, table.instanceId, name, route, present))
    }
    instance.table = table
    instance.services = services
    this.#instances.set(table.instanceId, instance)
    this.#forgotten.delete(table.instanceId)
    this.#letGo(instance, present)
    return this.#index(table.instanceId, before, services)
  }

  /** Takes the instance out of use; returns its ports. Throws like {@link judge} when the caller's epoch is older than the table's. */
  forget(instanceId: string, storeId: string, epoch: number): number[] {
    this.judgeForget(instanceId, storeId, epoch)
    const last = this.table(instanceId) ?? this.#forgotten.get(instanceId)
    this.#forgotten.set(instanceId, { epoch, version: last?.epoch === epoch ? last.version : 0 })
    for (const oldest of this.#forgotten.keys()) {
      if (this.#forgotten.size <= rememberedEpochs) break
      this.#forgotten.delete(oldest)
    }
    const instance = this.#instances.get(instanceId)
    if (!instance) return []
    this.#instances.delete(instanceId)
    this.#letGo(instance, new Set())
    return this.#index(instanceId, Object.values(instance.table.services), new Map())
  }

  /** Throws what {@link forget} would. */
  judgeForget(instanceId: string, storeId: string, epoch: number): void {
    const last = this.table(instanceId)
    if (last && last.storeId !== storeId) {
      if (storeId === this.#ownStore) return
      throw stranger(instanceId, last.storeId, storeId)
    }
    const reached = last ?? this.#forgotten.get(instanceId)
    if (reached && epoch < reached.epoch) {
      throw new SlipwayError('lease_lost', `The routes of ${instanceId} are at epoch ${reached.epoch}, above ${epoch}.`)
    }
  }

  /** All endpoints, of this process's life, of these replicas that may have something in flight. */
  endpoints(instanceId: string, replicaIds: readonly string[]): LiveEndpoint[] {
    const ids = new Set(replicaIds)
    const all = this.#instances.get(instanceId)?.endpoints.values() ?? []
    return [...all].filter(endpoint => ids.has(endpoint.replica))
  }

  everyEndpoint(): LiveEndpoint[] {
    return [...this.#instances.values()].flatMap(instance => [...instance.endpoints.values()])
  }

  traffic(instanceId: string): RevisionTraffic[] {
    const services = this.#instances.get(instanceId)?.traffic ?? new Map<string, Map<string, TrafficCount>>()
    return [...services].flatMap(([service, revisions]) =>
      [...revisions].map(([revision, count]) => trafficOf(service, revision, count)),
    )
  }

  #letGo(instance: LiveInstance, present: ReadonlySet<LiveEndpoint>): void {
    for (const [key, endpoint] of instance.endpoints) {
      if (present.has(endpoint)) continue
      endpoint.serve(false)
      endpoint.onIdle(() => {
        if (instance.endpoints.get(key) === endpoint && !endpoint.serving) instance.endpoints.delete(key)
      })
    }
  }

  #index(instanceId: string, before: readonly ServiceRoute[], now: ReadonlyMap<string, LiveService>): number[] {
    for (const route of before) {
      this.#byPort.delete(route.port)
      for (const host of route.hosts) this.#byHost.delete(host)
    }
    for (const key of before.flatMap<number | string>(route => [route.port, ...route.hosts])) {
      if (this.#claims.get(key) === instanceId) this.#claims.delete(key)
    }
    for (const service of now.values()) {
      this.#byPort.set(service.route.port, service)
      this.#claims.set(service.route.port, instanceId)
      for (const host of service.route.hosts) {
        this.#byHost.set(host, service)
        this.#claims.set(host, instanceId)
      }
    }
    return before.map(route => route.port).filter(port => !this.#byPort.has(port))
  }
}

function stale(table: RouteTable, why: string): SlipwayError {
  return new SlipwayError(
    'lease_lost',
    `The route table (${table.epoch}, ${table.version}) of ${table.instanceId} is refused: the router ${why}.`,
    { next: 'A newer owner of the instance has routed since; drop this work.' },
  )
}

function stranger(instanceId: string, ours: string, theirs: string): SlipwayError {
  return new SlipwayError('forbidden', `The routes of ${instanceId} belong to store ${ours}, not to ${theirs}.`, {
    next: 'Use a data folder of its own for each store.',
  })
}

function taken(what: number | string, owner: string): SlipwayError {
  const kind = typeof what === 'number' ? 'port' : 'host'
  return new SlipwayError('already_exists', `The ${kind} ${what} is routed to instance ${owner} already.`, {
    next: `Choose another ${kind}.`,
  })
}
