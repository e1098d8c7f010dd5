import { setTimeout as delay } from 'node:timers/promises'
import { startLoad } from '../src/demo/load/load.ts'
import type { Release } from '../src/index.ts'
import { type Figure, percentile, rounded } from './figure.ts'
import { apiOf, type OpenInstance, type Place, succeeded } from './place.ts'

const rps = 500
/** Whatever would still be given to what was left shows by then, milliseconds. */
const lookAfterMs = 100

/** One rollback: milliseconds from the call to the last request given to what it left, and to its success. */
interface Sample {
  readonly lastRouted: number
  readonly end: number
}

/** How long a rollback to a release that is kept warm takes until nothing new is given to what it replaces, under constant load. */
export async function benchRollbacks(place: Place, rollbacks: number): Promise<Figure> {
  const { acme, slipway, shop, open } = place
  const instance = await open({ name: 'rollback', services: [apiOf(shop['api-1'])] })
  const services = [apiOf(shop['api-2'])]
  await succeeded(acme, await acme.deploy({ instanceId: instance.id, strategy: 'blue-green', services }))
  const target = { ...slipway.front, hostHeader: 'api.rollback.acme.localhost' }
  const load = startLoad({ target, rps, expect: { type: 'shop', service: 'api' } })
  const samples: Sample[] = []
  try {
    await load.until(({ answered }) => answered > rps / 2)
    const [newer, older] = (await acme.listReleases(instance.id)).items
    if (!newer || !older) throw new Error('There are no two releases to go back and forth between.')
    for (let turn = 0; turn < rollbacks; turn++) {
      samples.push(await rollBack(place, instance, turn % 2 === 0 ? older : newer))
    }
  } catch (error) {
    await load.stop()
    throw error
  }
  const { sent, lost } = await load.stop()
  await instance.remove()
  const lastRouted = samples.map(sample => sample.lastRouted)
  const ends = samples.map(sample => sample.end)
  const p95 = percentile(lastRouted, 0.95)
  return {
    figure: 'warm_rollback_p95_ms',
    value: rounded(p95, 1),
    reach: '<= 100',
    ok: p95 <= 100,
    rollbacks,
    p50_ms: rounded(percentile(lastRouted, 0.5), 1),
    highest_ms: rounded(Math.max(...lastRouted), 1),
    succeeded_p50_ms: rounded(percentile(ends, 0.5), 1),
    succeeded_p95_ms: rounded(percentile(ends, 0.95), 1),
    asked_per_second: rps,
    sent,
    lost,
  }
}

async function rollBack({ acme }: Place, instance: OpenInstance, release: Release): Promise<Sample> {
  const left = (await acme.status(instance.id)).table.find(row => row.weight === 100)
  // Wall time, because that is what the proxy notes.
  const began = Date.now()
  await succeeded(acme, await acme.rollback({ instanceId: instance.id, releaseId: release.id }))
  const end = Date.now() - began
  await delay(lookAfterMs)
  const traffic = (await acme.traffic(instance.id)).find(({ revision }) => revision === left?.revision)
  if (traffic?.lastRoutedAt === undefined) throw new Error('Nothing was routed to what the rollback left.')
  return { lastRouted: Math.max(0, traffic.lastRoutedAt - began), end }
}
