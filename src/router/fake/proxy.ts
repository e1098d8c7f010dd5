import { isDeepStrictEqual } from 'node:util'
import { type Clock, systemClock } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Fence } from '../../provider/provider.ts'
import type { DrainReport, RevisionTraffic, RouteTable } from '../router.ts'

/** A table that came into use. */
export interface AppliedTable {
  /** Monotonic milliseconds of the router's clock. */
  readonly at: number
  readonly table: RouteTable
}

/** What is on its way to a replica. */
export interface InFlight {
  readonly requests: number
  readonly webSockets?: number
  /** When they end, counted from the drain. `never`: they are cut at the deadline. Default 0. */
  readonly endsAfterMs?: number | 'never'
}

/** The memory of a fake router; give two routers the same one to play two control planes beside one proxy. */
export interface FakeProxy {
  readonly clock: Clock
  /** In use, by instance. */
  readonly tables: Map<string, RouteTable>
  /** The highest seen, by instance; outlives the instance, so nothing late brings it back. */
  readonly highest: Map<string, Pick<RouteTable, 'epoch' | 'version'>>
  readonly applied: AppliedTable[]
  readonly traffic: Map<string, RevisionTraffic[]>
  readonly inFlight: Map<string, InFlight>
  refused: number
}

/** An empty memory. */
export function fakeProxy(clock: Clock = systemClock): FakeProxy {
  return {
    clock,
    tables: new Map(),
    highest: new Map(),
    applied: [],
    traffic: new Map(),
    inFlight: new Map(),
    refused: 0,
  }
}

/** A higher (epoch, version) is taken, the same one with the same content acknowledged again, everything else refused. */
export function use(proxy: FakeProxy, table: RouteTable): void {
  const { instanceId, epoch, version } = table
  refuseStranger(proxy, instanceId, table.storeId)
  const last = proxy.highest.get(instanceId)
  if (last) {
    const higher = epoch - last.epoch || version - last.version
    if (higher === 0 && isDeepStrictEqual(table, proxy.tables.get(instanceId))) return
    if (higher <= 0) refuse(proxy, `Table ${epoch}.${version} of ${instanceId}`, last)
  }
  const taken = structuredClone(table)
  proxy.highest.set(instanceId, { epoch, version })
  proxy.tables.set(instanceId, taken)
  proxy.applied.push({ at: proxy.clock.monotonic(), table: taken })
}

export function forget(proxy: FakeProxy, instanceId: string, fence: Fence): void {
  refuseStranger(proxy, instanceId, fence.storeId)
  const last = proxy.highest.get(instanceId)
  if (last && fence.epoch < last.epoch) refuse(proxy, `Epoch ${fence.epoch} of ${instanceId}`, last)
  proxy.highest.set(instanceId, { epoch: fence.epoch, version: last?.epoch === fence.epoch ? last.version : 0 })
  proxy.tables.delete(instanceId)
  proxy.traffic.delete(instanceId)
}

function refuseStranger(proxy: FakeProxy, instanceId: string, storeId: string): void {
  const owner = proxy.tables.get(instanceId)?.storeId
  if (owner === undefined || owner === storeId) return
  throw new SlipwayError('forbidden', `The routes of ${instanceId} belong to store ${owner}, not to ${storeId}.`)
}

function refuse(proxy: FakeProxy, what: string, last: Pick<RouteTable, 'epoch' | 'version'>): never {
  proxy.refused++
  throw new SlipwayError('lease_lost', `${what} is over: ${last.epoch}.${last.version} has been in use.`)
}

/** The replicas among these that still get new requests, which is a defect of whoever drains them. */
export function stillServing(table: RouteTable | undefined, ids: readonly string[]): string[] {
  const endpoints = Object.values(table?.services ?? {}).flatMap(service =>
    Object.values(service.revisions).flatMap(revision => revision.endpoints),
  )
  return endpoints.filter(end => end.state === 'serving' && ids.includes(end.replica)).map(end => end.replica)
}

export async function drain(
  proxy: FakeProxy,
  ids: readonly string[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<DrainReport> {
  const waits = ids.map(id => ({ requests: 0, webSockets: 0, endsAfterMs: 0, ...proxy.inFlight.get(id) }))
  for (const id of ids) proxy.inFlight.delete(id)
  const ends = (wait: { endsAfterMs: number | 'never' }) =>
    wait.endsAfterMs === 'never' ? Number.POSITIVE_INFINITY : wait.endsAfterMs
  const longest = Math.min(deadlineMs, Math.max(0, ...waits.map(ends)))
  if (longest > 0) await proxy.clock.sleep(longest, signal)
  const cut = waits.filter(wait => ends(wait) > deadlineMs)
  return {
    drained: cut.length === 0,
    cutRequests: cut.reduce((sum, wait) => sum + wait.requests, 0),
    openWebSockets: waits.reduce((sum, wait) => sum + wait.webSockets, 0),
  }
}
