import { setTimeout as delay } from 'node:timers/promises'
import type { Slipway } from '../src/index.ts'
import { copyRows, copyWorld } from './copies.ts'
import { type Figure, rounded } from './figure.ts'
import { acmeOf, bringUp, type Fleet, openFleet, webOf } from './fleet.ts'
import { settledMemory } from './memory.ts'
import { watchPauses } from './pauses.ts'

/** What a parked deployment waits in: a pause that somebody has to promote, or an hour of being judged by its error rate. */
type Wait = 'pause' | 'hold'

/**
 * What deployments that wait without a lease cost the control plane: memory, and time of the processor while all is well. Each is of an
 * instance of its own, with one replica of either release. The same database, platform and router without a worker are not counted.
 */
export async function benchParked(count: number, watchedMs: number): Promise<Figure[]> {
  return [await parked('pause', count, watchedMs), await parked('hold', Math.ceil(count / 10), watchedMs)]
}

async function parked(wait: Wait, count: number, watchedMs: number): Promise<Figure> {
  await using cleanup = new AsyncDisposableStack()
  const fleet = await openFleet(cleanup)
  await park(fleet, wait, count)
  await fleet.open({ worker: false })
  const without = await settledMemory()
  const observed = new Set<string>()
  const slipway = await fleet.open({ onObserve: id => void observed.add(id) })
  const began = performance.now()
  while (observed.size < count) await delay(20)
  const allSeenMs = performance.now() - began
  await delay(watchedMs)
  const before = process.cpuUsage()
  const pauses = watchPauses()
  await delay(watchedMs)
  const longestPauseMs = pauses.end()
  const { user, system } = process.cpuUsage(before)
  const withWorker = await settledMemory()
  await stillParked(slipway, count)
  const bytes = (withWorker.heap - without.heap) / count
  return {
    figure: wait === 'pause' ? 'parked_bytes' : 'baking_bytes',
    value: Math.round(bytes),
    ...(wait === 'pause' ? { reach: '<= 8192', ok: bytes <= 8192 } : {}),
    parked: count,
    resident_bytes: Math.round((withWorker.resident - without.resident) / count),
    all_seen_ms: Math.round(allSeenMs),
    cpu_share: rounded((user + system) / 1000 / watchedMs, 3),
    longest_pause_ms: rounded(longestPauseMs, 1),
  }
}

/** Brings one deployment to where it waits, and makes the others of it. */
export async function park(fleet: Fleet, wait: Wait, count: number): Promise<void> {
  const slipway = await fleet.open()
  const [first = ''] = await bringUp(slipway, 1)
  const step =
    wait === 'pause'
      ? { weight: 50, holdSeconds: 0, pause: true }
      : { weight: 50, holdSeconds: 3600, checks: [{ type: 'errors', maxRate: 0.01 }] }
  const acme = acmeOf(slipway)
  const services = [webOf(2)]
  const { id } = await acme.deploy({ instanceId: first, services, strategy: 'canary', options: { steps: [step] } })
  const code = wait === 'pause' ? 'awaiting_promote' : 'baking'
  const isParked = async (): Promise<boolean> => {
    const due = (await slipway.store.work.nextWake()) ?? Number.POSITIVE_INFINITY
    const free = (await slipway.store.work.load(first))?.owner === undefined
    return (await acme.getDeployment(id)).reason?.code === code && free && due > Date.now() + 60_000
  }
  while (!(await isParked())) await delay(20)
  await fleet.close()
  copyWorld(fleet.world, fleet.proxy, { id: first, name: 'shop-0' }, copyRows(fleet.file, first, count - 1))
}

async function stillParked({ store }: Slipway, count: number): Promise<void> {
  const { total } = await store.deploys.listByState('acme', ['running'])
  if (total !== count) throw new Error(`Of ${count} parked deployments ${total} are left.`)
}
