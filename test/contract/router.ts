import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { newId } from '../../src/id.ts'
import type { Address, Fence } from '../../src/provider/provider.ts'
import type { Endpoint, Router, RouteTable, ServiceRoute } from '../../src/router/router.ts'

/** What a client of the suite got. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A router under test. Made once per suite; tests use instances of their own. */
export interface RouterWorld {
  readonly router: Router
  /** Sends a GET to the router. Absent when the router moves no real traffic; then the tests that need some are left out. */
  readonly request?: (address: Address, options: { readonly host?: string }) => Promise<Answer>
  /** Closes the router and opens another one on the same world, as a restarted control plane does. */
  reopen?(): Promise<Router>
  /** Ends everything and removes what is left. */
  dispose(): Promise<void>
}

export interface RouterContractOptions {
  /** Whether it refuses tables of another store for an instance it routes. Default true. */
  readonly comparesStores?: boolean
}

/** A fence that is never lost. */
export function openFence(storeId: string, instanceId: string, epoch: number): Fence {
  return { storeId, instanceId, epoch, signal: new AbortController().signal, check: () => {} }
}

/** Everything a Router promises. Run it against each implementation. */
export function routerContract(
  name: string,
  makeWorld: () => RouterWorld | Promise<RouterWorld>,
  options: RouterContractOptions = {},
): void {
  describe(`the router contract: ${name}`, () => {
    let world: RouterWorld
    let router: Router
    const storeId = newId('store')
    const taken = new Set<number>()
    const servers: Server[] = []

    before(async () => {
      world = await makeWorld()
      router = world.router
    })
    after(async () => {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
      await world.dispose()
    })

    const port = async (): Promise<number> => {
      const found = await router.allocatePort(taken)
      taken.add(found)
      return found
    }
    const route = async (weight = 100, endpoints: Endpoint[] = []): Promise<ServiceRoute> => ({
      port: await port(),
      hosts: [],
      revisions: { 'aaaa.1': { weight, endpoints } },
    })
    const tableOf = (
      instanceId: string,
      epoch: number,
      version: number,
      services: RouteTable['services'] = {},
    ): RouteTable => ({ storeId, instanceId, epoch, version, services })
    const apply = async (table: RouteTable): Promise<void> =>
      router.apply(table, openFence(table.storeId, table.instanceId, table.epoch))
    const refused = async (table: RouteTable): Promise<void> =>
      assert.rejects(apply(table), error => isSlipwayError(error, 'lease_lost'))
    const replica = async (id: string, listener: RequestListener): Promise<Endpoint> => {
      const server = createServer(listener).listen(0, '127.0.0.1')
      servers.push(server)
      await once(server, 'listening')
      const address = server.address()
      if (typeof address !== 'object' || !address) throw new Error('no port')
      return { replica: id, address: { host: '127.0.0.1', port: address.port }, state: 'serving' }
    }
    const at = (number: number): Address => ({ host: '127.0.0.1', port: number })

    test('ports it hands out are never one of those taken', async () => {
      const first = await router.allocatePort(new Set())
      const second = await router.allocatePort(new Set([first]))
      assert.notEqual(second, first)
      for (const one of [first, second]) assert.ok(one > 0 && one < 65_536)
    })

    test('a table that was applied is the one observed, and an instance nobody routed has none', async () => {
      const instanceId = newId('inst')
      assert.equal(await router.observe(instanceId), undefined)
      const table = tableOf(instanceId, 1, 1, { web: await route() })
      await apply(table)
      assert.deepEqual(await router.observe(instanceId), table)
    })

    test('a higher version of an epoch, and any version of a higher epoch, replaces the table', async () => {
      const instanceId = newId('inst')
      await apply(tableOf(instanceId, 1, 7))
      await apply(tableOf(instanceId, 1, 9))
      await apply(tableOf(instanceId, 2, 1))
      assert.deepEqual(await router.observe(instanceId), tableOf(instanceId, 2, 1))
    })

    test('the same table again is acknowledged again', async () => {
      const instanceId = newId('inst')
      const table = tableOf(instanceId, 3, 4, { web: await route() })
      await apply(table)
      await apply(structuredClone(table))
      assert.deepEqual(await router.observe(instanceId), table)
    })

    test('a lower (epoch, version) is refused as lease_lost, and so is the same one with other content', async () => {
      const instanceId = newId('inst')
      const table = tableOf(instanceId, 3, 4, { web: await route() })
      await apply(table)
      await refused(tableOf(instanceId, 3, 3))
      await refused(tableOf(instanceId, 2, 99))
      await refused(tableOf(instanceId, 3, 4))
      assert.deepEqual(await router.observe(instanceId), table)
    })

    test('a fence that is lost lets nothing through', async () => {
      const instanceId = newId('inst')
      const lost = new Error('lost')
      const fence: Fence = {
        ...openFence(storeId, instanceId, 1),
        check: () => {
          throw lost
        },
      }
      await assert.rejects(router.apply(tableOf(instanceId, 1, 1), fence), lost)
      await assert.rejects(router.forget(instanceId, fence), lost)
      assert.equal(await router.observe(instanceId), undefined)
    })

    test('a table of another store is refused', { skip: options.comparesStores === false }, async () => {
      const instanceId = newId('inst')
      const table = tableOf(instanceId, 1, 1)
      await apply(table)
      await assert.rejects(apply({ ...table, storeId: newId('store'), epoch: 9 }), error => isSlipwayError(error))
      assert.deepEqual(await router.observe(instanceId), table)
    })

    test('an instance that was forgotten is gone, and an older worker neither forgets it nor brings it back', async () => {
      const instanceId = newId('inst')
      await apply(tableOf(instanceId, 5, 1, { web: await route() }))
      await assert.rejects(router.forget(instanceId, openFence(storeId, instanceId, 4)), error =>
        isSlipwayError(error, 'lease_lost'),
      )
      await router.forget(instanceId, openFence(storeId, instanceId, 5))
      assert.equal(await router.observe(instanceId), undefined)
      assert.deepEqual(await router.traffic(instanceId), [])
      await refused(tableOf(instanceId, 4, 2))
      await refused(tableOf(instanceId, 5, 1))
      await router.forget(instanceId, openFence(storeId, instanceId, 5))
    })

    test('it lists what it routes, with store and epoch, until that is forgotten', async t => {
      if (!router.tables) return t.skip('it keeps no list')
      const instanceId = newId('inst')
      const listed = async () => (await router.tables?.())?.filter(one => one.instanceId === instanceId)
      assert.deepEqual(await listed(), [])
      await apply(tableOf(instanceId, 7, 2, { web: await route() }))
      assert.deepEqual(await listed(), [{ instanceId, storeId, epoch: 7 }])
      await router.forget(instanceId, openFence(storeId, instanceId, 7))
      assert.deepEqual(await listed(), [])
    })

    test('replicas that have nothing in flight are drained at once', async () => {
      const instanceId = newId('inst')
      const endpoint: Endpoint = { replica: 'r1', address: at(9), state: 'draining' }
      await apply(tableOf(instanceId, 1, 1, { web: await route(100, [endpoint]) }))
      const report = await router.drain(instanceId, ['r1', 'unheard-of'], 10_000, new AbortController().signal)
      assert.deepEqual(report, { drained: true, cutRequests: 0, openWebSockets: 0 })
    })

    test('a replica that still serves is not drained', async () => {
      const instanceId = newId('inst')
      const endpoint: Endpoint = { replica: 'r1', address: at(9), state: 'serving' }
      await apply(tableOf(instanceId, 1, 1, { web: await route(100, [endpoint]) }))
      await assert.rejects(router.drain(instanceId, ['r1'], 10, new AbortController().signal), error =>
        isSlipwayError(error),
      )
    })

    test('it says that it is well', async () => {
      const health = await router.check()
      assert.equal(health.ok, true, health.message)
      assert.notEqual(health.message, '')
    })

    test('what was applied outlives the control plane', async t => {
      if (!world.reopen) return t.skip('there is nothing to reopen')
      const instanceId = newId('inst')
      const table = tableOf(instanceId, 2, 3, { web: await route() })
      await apply(table)
      router = await world.reopen()
      assert.deepEqual(await router.observe(instanceId), table)
      await refused(tableOf(instanceId, 2, 2))
    })

    test('a request reaches the replica of its service, by port and by host, and is counted', async t => {
      const { request } = world
      if (!request) return t.skip('it moves no real traffic')
      const instanceId = newId('inst')
      const host = `web.${instanceId}.localhost`
      const endpoint = await replica('r1', (_req, res) => res.end('from r1'))
      const web = await route(100, [endpoint])
      await apply(tableOf(instanceId, 1, 1, { web: { ...web, hosts: [host] } }))
      const before = Date.now()
      assert.equal((await request(at(web.port), {})).body, 'from r1')
      assert.equal((await request(router.front, { host: `${host}:${router.front.port}` })).body, 'from r1')
      assert.equal((await request(router.front, { host: 'nobody.localhost' })).status, 404)
      const [traffic] = await router.traffic(instanceId)
      assert.ok(traffic)
      assert.equal(traffic.service, 'web')
      assert.equal(traffic.revision, 'aaaa.1')
      assert.equal(traffic.requests, 2)
      assert.equal(traffic.errors, 0)
      assert.equal(traffic.latencyCounts.length, traffic.latencyBoundsMs.length + 1)
      assert.equal(
        traffic.latencyCounts.reduce((sum, count) => sum + count, 0),
        2,
      )
      assert.ok((traffic.lastRoutedAt ?? 0) >= before)
    })

    test('weights decide the share of each revision', async t => {
      const { request } = world
      if (!request) return t.skip('it moves no real traffic')
      const instanceId = newId('inst')
      const old = await replica('old', (_req, res) => res.end('old'))
      const fresh = await replica('new', (_req, res) => res.end('new'))
      const web = await route()
      const revisions = {
        'aaaa.1': { weight: 75, endpoints: [old] },
        'bbbb.1': { weight: 25, endpoints: [fresh] },
      }
      await apply(tableOf(instanceId, 1, 1, { web: { ...web, revisions } }))
      const bodies = []
      for (let i = 0; i < 100; i++) bodies.push((await request(at(web.port), {})).body)
      assert.equal(bodies.filter(body => body === 'new').length, 25)
    })

    test('a service whose replicas all drain answers 503 and says when to come back', async t => {
      const { request } = world
      if (!request) return t.skip('it moves no real traffic')
      const instanceId = newId('inst')
      const endpoint = await replica('r1', (_req, res) => res.end('never'))
      const web = await route(100, [{ ...endpoint, state: 'draining' }])
      await apply(tableOf(instanceId, 1, 1, { web }))
      const answer = await request(at(web.port), {})
      assert.equal(answer.status, 503)
      assert.ok(Number(answer.headers['retry-after']) > 0)
    })

    test('a drain waits for the request in flight', async t => {
      const { request } = world
      if (!request) return t.skip('it moves no real traffic')
      const instanceId = newId('inst')
      const arrived = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const endpoint = await replica('r1', (_req, res) => {
        arrived.resolve()
        void release.promise.then(() => res.end('whole'))
      })
      const web = await route(100, [endpoint])
      const drainingWeb = {
        ...web,
        revisions: { 'aaaa.1': { weight: 100, endpoints: [{ ...endpoint, state: 'draining' as const }] } },
      }
      await apply(tableOf(instanceId, 1, 1, { web }))
      const answer = request(at(web.port), {})
      await arrived.promise
      await apply(tableOf(instanceId, 1, 2, { web: drainingWeb }))
      let ended = false
      const drain = router.drain(instanceId, ['r1'], 10_000, new AbortController().signal).then(report => {
        ended = true
        return report
      })
      // The second is asked when the first was answered: by then a drain that waits for nothing has ended.
      await router.check()
      await router.check()
      assert.equal(ended, false)
      release.resolve()
      assert.equal((await answer).body, 'whole')
      assert.deepEqual(await drain, { drained: true, cutRequests: 0, openWebSockets: 0 })
    })
  })
}
