import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Instance } from '../../src/instance/instance.ts'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { routed, web } from '../support/services.ts'

describe('traffic', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  describe('15. Canary and blue-green move real traffic, keep two versions side by side, and are gated by health:', () => {
    test('a canary has its share, counted at the proxy from outside and between services alike; promoted, it has all', async () => {
      const tenant = machine.tenant()
      const shop = await tenant.up([
        web(await machine.server('web-1'), { dependsOn: ['api'], env: { URL_API: '$URL_API' } }),
        routed('api', await machine.server('api-1')),
      ])
      const asked = await tenant.acting.deploy({
        instanceId: shop.id,
        services: [{ name: 'api', image: await machine.server('api-2') }],
        strategy: 'canary',
        options: { steps: [{ weight: 25, pause: true, holdSeconds: 0 }], keepWarmSeconds: 0 },
      })
      await tenant.reach(asked, now => now.reason?.code === 'awaiting_promote')
      const outside = await count(200, async () => (await tenant.ask('/', 'api')).told().version)
      const inside = await count(200, async () => (await tenant.ask('/api')).told().api.version)
      assert.deepEqual(
        [outside, inside],
        [
          { 'api-1': 150, 'api-2': 50 },
          { 'api-1': 150, 'api-2': 50 },
        ],
      )
      const counted = (await tenant.acting.traffic(shop.id)).filter(({ service }) => service === 'api')
      assert.deepEqual(
        counted.map(({ requests }) => requests).toSorted((a, b) => a - b),
        [100, 300],
      )
      await tenant.acting.promote(asked.id)
      await tenant.done(asked)
      assert.deepEqual(await count(20, async () => (await tenant.ask('/api')).told().api.version), { 'api-2': 20 })
    })

    test('a preview of a blue-green runs beside what serves and has no traffic; promoted, it has all at once, and goes back warm', async () => {
      const tenant = machine.tenant()
      const shop = await tenant.up([web(await machine.server('1'))])
      const asked = await tenant.acting.deploy({
        instanceId: shop.id,
        services: [{ name: 'web', image: await machine.server('2') }],
        strategy: 'blue-green',
        options: { preview: true },
      })
      await tenant.reach(asked, now => now.reason?.code === 'awaiting_promote')
      assert.deepEqual(await sides(tenant, shop), [
        [100, 'ready'],
        [0, 'ready'],
      ])
      const pids = new Set([(await tenant.ask()).told().pid])
      assert.deepEqual(await count(20, async () => (await tenant.ask()).told().version), { '1': 20 })
      await tenant.acting.promote(asked.id)
      await tenant.done(asked)
      assert.deepEqual(await count(20, async () => (await tenant.ask()).told().version), { '2': 20 })
      const [first] = await tenant.releases(shop)
      await tenant.done(await tenant.acting.rollback({ instanceId: shop.id, releaseId: first?.id ?? '' }))
      pids.add((await tenant.ask()).told().pid)
      assert.equal(pids.size, 1, 'the rollback went back to the very process that served before')
    })

    // At once, for each waits for a deadline.
    describe('what is not healthy gets not one request', { concurrency: true }, () => {
      for (const strategy of ['canary', 'blue-green', 'rolling']) {
        test(`of a ${strategy}`, async () => {
          const tenant = machine.tenant()
          const shop = await tenant.up([web(await machine.server('1'))])
          await tenant.acting.instances.update(shop.id, { policies: { progressDeadlineMs: 2000 } })
          const asked = await tenant.acting.deploy({
            instanceId: shop.id,
            services: [{ name: 'web', image: await machine.server('2', { unhealthy: 'db pool exhausted' }) }],
            strategy,
          })
          const versions = new Set<string>()
          const { state, error, errorCode, restored } = await meanwhile(tenant.end(asked), async () => {
            versions.add((await tenant.ask()).told().version)
          })
          assert.deepEqual([state, errorCode, restored], ['failed', 'progress_deadline', true])
          assert.match(error ?? '', /0 of 1 replicas were ready, and nothing moved for .*503/)
          assert.deepEqual([...versions], ['1'])
        })
      }
    })

    test('what answers with errors is caught by a check of the canary, and taken back', async () => {
      const tenant = machine.tenant()
      const shop = await tenant.up([web(await machine.server('1'))])
      const asked = await tenant.acting.deploy({
        instanceId: shop.id,
        services: [{ name: 'web', image: await machine.server('2', { fails: true }) }],
        strategy: 'canary',
        options: { steps: [50], holdSeconds: 60, checks: [{ type: 'errors', maxRate: 0.1, minRequests: 20 }] },
      })
      const { state, errorCode, restored } = await meanwhile(tenant.end(asked), async () => void (await tenant.ask()))
      assert.deepEqual([state, errorCode, restored], ['failed', 'check_failed', true])
      assert.deepEqual(await count(20, async () => (await tenant.ask()).told().version), { '1': 20 })
    })
  })

  describe('17. The old version is never stopped before the new one is ready:', () => {
    const options = {
      rolling: {},
      'blue-green': { keepWarmSeconds: 0 },
      canary: { steps: [50], holdSeconds: 0, keepWarmSeconds: 0 },
    }
    for (const [strategy, given] of Object.entries(options)) {
      test(`${strategy}, under load, with nothing lost`, async t => {
        const tenant = machine.tenant()
        const shop = await tenant.up([web(await machine.server('1'), { replicas: 2 })])
        const load = await loadOn(t, machine, tenant)
        const services = [{ name: 'web', image: await machine.server('2', { listensAfterMs: 200 }) }]
        await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services, strategy, options: given }))
        await load.until(({ versions }) => (versions['web']?.['2'] ?? 0) >= 20)
        assertNothingLost(await load.stop())
        const least = leastReady(await timeline(machine, shop))
        assert.ok(least >= 2, `${least} of 2 replicas were ready at some moment`)
      })
    }

    test('recreate and exclusive services aside, whose old version is gone before the new one starts', async () => {
      const tenant = machine.tenant()
      const exclusive = { ...routed('queue', await machine.server('1')), exclusive: true }
      const shop = await tenant.up([web(await machine.server('1')), exclusive])
      const deploy = async (name: string, strategy: string) => {
        const services = [{ name, image: await machine.server('2') }]
        const plan = await tenant.acting.plan({ instanceId: shop.id, services, strategy })
        assert.deepEqual(plan.downtime, [name])
        await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services, strategy }))
      }
      await deploy('web', 'recreate')
      await deploy('queue', 'blue-green')
      for (const service of ['web', 'queue']) {
        const what = (await timeline(machine, shop, service)).map(({ what, version }) => `${what} ${version}`)
        assert.deepEqual(what, ['listens 1', 'healthy 1', 'term 1', 'listens 2', 'healthy 2'])
      }
    })

    test('and an image that cannot be had leaves the old one untouched', async () => {
      const tenant = machine.tenant()
      const shop = await tenant.up([web(await machine.server('1'))])
      const before = await tenant.acting.status(shop.id)
      const asked = await gone(machine, tenant, shop)
      const { state, errorCode, error, restored } = await tenant.end(asked)
      assert.deepEqual([state, errorCode, restored], ['failed', 'image_gone', true])
      assert.match(error ?? '', /copy of the image/)
      const after = await tenant.acting.status(shop.id)
      assert.deepEqual([after.table, after.replicas], [before.table, before.replicas])
      const old = (await timeline(machine, shop)).filter(({ version }) => version === '1')
      assert.deepEqual(
        old.map(({ what }) => what),
        ['listens', 'healthy'],
      )
    })
  })
})

/** A deploy whose image was removed from our copies after it was resolved, before its turn came. */
async function gone(machine: Machine, tenant: Tenant, shop: Instance) {
  const image = await machine.server('2')
  const { digest } = await machine.slipway.providers.get('process').resolve(image)
  const first = await tenant.acting.deploy({
    instanceId: shop.id,
    services: [{ name: 'web', image: await machine.server('3') }],
    strategy: 'blue-green',
    options: { preview: true },
  })
  await tenant.reach(first, now => now.reason?.code === 'awaiting_promote')
  const second = await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] })
  await rm(join(machine.dataDir, 'images', digest.replace('sha256:', '')), { recursive: true })
  await tenant.acting.cancel(first.id)
  await tenant.end(first)
  return second
}

/** Does something again and again until the promise settles. */
async function meanwhile<T>(promise: Promise<T>, again: () => Promise<void>): Promise<T> {
  const over = new AbortController()
  const settled = promise.finally(() => over.abort())
  while (!over.signal.aborted) await again()
  return await settled
}

/** How often each answer came. One request after the other, so that shares are exact. */
async function count(times: number, ask: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let n = 0; n < times; n++) {
    const answer = await ask()
    counts[answer] = (counts[answer] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Weight and health of each replica. */
async function sides(tenant: Tenant, { id }: Instance): Promise<[number, string][]> {
  const { table, replicas } = await tenant.acting.status(id)
  return table
    .flatMap(row =>
      replicas
        .filter(({ revision }) => revision === row.revision)
        .map(({ health }): [number, string] => [row.weight, health]),
    )
    .toSorted(([a], [b]) => b - a)
}

interface Moment {
  readonly what: string
  readonly version: string
  readonly pid: string
}

/** What replicas of a service noted about themselves, in order. */
async function timeline({ dataDir }: Machine, { id }: Instance, service = 'web'): Promise<Moment[]> {
  const text = await readFile(join(dataDir, 'instances', id, 'data', service, 'timeline'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map(line => {
      const [what = '', version = '', pid = ''] = line.split(' ')
      return { what, version, pid }
    })
}

/** The fewest replicas that were found healthy and not yet told to end, once all of the first version were. */
function leastReady(moments: readonly Moment[]): number {
  const ready = new Set<string>()
  let least = Number.POSITIVE_INFINITY
  for (const { what, pid } of moments) {
    if (what === 'healthy') ready.add(pid)
    if (what !== 'term') continue
    ready.delete(pid)
    least = Math.min(least, ready.size)
  }
  return least
}
