import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, constantLoad, draining, keptAgent, proxyWorld, type World } from './world.ts'

describe('draining a replica', () => {
  let world: World
  const signal = new AbortController().signal
  before(async () => {
    world = await proxyWorld()
  })
  after(() => world.dispose())

  /** A replica that answers when it is told to. */
  const held = async (id: string) => {
    const waiting: ServerResponse[] = []
    const arrivals = new EventEmitter()
    const endpoint = await world.replica(id, (req, res) => {
      if (req.url === '/head') res.write('begun')
      waiting.push(res)
      arrivals.emit('one')
    })
    return {
      endpoint,
      /** Resolves when so many requests wait here. */
      arrival: async (count = 1) => {
        while (waiting.length < count) await once(arrivals, 'one')
      },
      release: () => {
        for (const res of waiting.splice(0)) res.end('whole')
      },
    }
  }

  test('the request in flight ends whole, new ones go elsewhere, and then the drain is over', async () => {
    const { endpoint, arrival, release } = await held('old')
    const fresh = await world.replica('new', (_req, res) => res.end('new'))
    const routed = await world.route({ old: { weight: 100, endpoints: [endpoint] } })
    const slow = ask({ port: routed.port })
    await arrival()
    await routed.change({
      old: { weight: 0, endpoints: draining(endpoint) },
      new: { weight: 100, endpoints: [fresh] },
    })
    const order: string[] = []
    const drain = world.router.drain(routed.instanceId, ['old'], 60_000, signal).then(report => {
      order.push('drained')
      return report
    })
    for (let i = 0; i < 5; i++) assert.equal((await ask({ port: routed.port })).body, 'new')
    order.push('released')
    release()
    assert.equal((await slow).body, 'whole')
    assert.deepEqual(await drain, { drained: true, cutRequests: 0, openWebSockets: 0 })
    assert.deepEqual(order, ['released', 'drained'])
  })

  test('at the deadline what is left is cut and counted: with an answer while there is time for one', async () => {
    const { endpoint, arrival } = await held('old')
    const routed = await world.route({ old: { weight: 100, endpoints: [endpoint] } })
    const silent = ask({ port: routed.port })
    await arrival()
    const begun = ask({ port: routed.port, path: '/head' })
    const broken = assert.rejects(begun)
    await arrival(2)
    await routed.change({ old: { weight: 100, endpoints: draining(endpoint) } })
    const report = await world.router.drain(routed.instanceId, ['old'], 100, signal)
    assert.deepEqual(report, { drained: false, cutRequests: 2, openWebSockets: 0 })
    const got = await silent
    assert.deepEqual([got.status, got.headers['x-slipway-error']], [503, 'cut'])
    await broken
    const [traffic] = await world.router.traffic(routed.instanceId)
    assert.deepEqual([traffic?.errors, traffic?.active], [2, 0])
  })

  test('a replica that left the table is drained all the same', async () => {
    const { endpoint, arrival, release } = await held('old')
    const routed = await world.route({ old: { weight: 100, endpoints: [endpoint] } })
    const slow = ask({ port: routed.port })
    await arrival()
    await routed.change({})
    const order: string[] = []
    const drain = world.router.drain(routed.instanceId, ['old'], 60_000, signal).then(report => {
      order.push('drained')
      return report
    })
    // The second is asked when the first was answered: by then a drain that waits for nothing has ended.
    await world.router.check()
    await world.router.check()
    order.push('released')
    release()
    assert.equal((await slow).body, 'whole')
    assert.equal((await drain).drained, true)
    assert.deepEqual(order, ['released', 'drained'])
  })

  test('idle connections to a replica are closed as soon as it drains, those in use when they are free', async () => {
    const connections = new Set<Socket>()
    const { endpoint, arrival, release } = await held('old')
    // It would keep them itself: only the proxy closes them here.
    endpoint.server.keepAliveTimeout = 600_000
    endpoint.server.on('connection', (socket: Socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
    })
    const routed = await world.route({ old: { weight: 100, endpoints: [endpoint] } })
    const agent = keptAgent()
    const two = [ask({ port: routed.port, agent }), ask({ port: routed.port, agent })]
    await arrival(2)
    release()
    await Promise.all(two)
    const third = ask({ port: routed.port, agent })
    await arrival()
    const [idle, used] = [...connections]
    assert.ok(idle && used && connections.size === 2)
    const firstClosed = Promise.race([once(idle, 'close'), once(used, 'close')])
    await routed.change({ old: { weight: 100, endpoints: draining(endpoint) } })
    await firstClosed
    assert.equal(connections.size, 1)
    const [last] = [...connections]
    const lastClosed = once(last as Socket, 'close')
    release()
    assert.equal((await third).body, 'whole')
    await lastClosed
    agent.destroy()
  })

  test('a drain that is called off cuts nothing', async () => {
    const { endpoint, arrival, release } = await held('old')
    const routed = await world.route({ old: { weight: 100, endpoints: [endpoint] } })
    const slow = ask({ port: routed.port })
    await arrival()
    await routed.change({ old: { weight: 100, endpoints: draining(endpoint) } })
    const controller = new AbortController()
    const reason = new Error('lease lost')
    const drain = world.router.drain(routed.instanceId, ['old'], 300, controller.signal)
    // Answered after the drain began, which came before it on the same connection.
    await world.router.check()
    controller.abort(reason)
    await assert.rejects(drain, reason)
    await delay(500)
    const [traffic] = await world.router.traffic(routed.instanceId)
    assert.equal(traffic?.active, 1)
    release()
    assert.equal((await slow).body, 'whole')
  })

  test('under constant load no request meets a replica that is stopped right after its drain', async () => {
    const agent = keptAgent(50)
    let current = await world.replica('replica-0', (_req, res) => res.end('ok'))
    const routed = await world.route({ 'rev-0': { weight: 100, endpoints: [current] } })
    const load = constantLoad(20, (_client, number) => ({
      port: routed.port,
      ...(number % 2 ? { agent } : {}),
      ...(number % 3 ? {} : { method: 'POST', body: 'x' }),
    }))
    for (let i = 1; i <= 15; i++) {
      const next = await world.replica(`replica-${i}`, (req, res) => void req.resume().on('end', () => res.end('ok')))
      const [old, fresh] = [`rev-${i - 1}`, `rev-${i}`]
      await routed.change({
        [old]: { weight: 0, endpoints: draining(current) },
        [fresh]: { weight: 100, endpoints: [next] },
      })
      const report = await world.router.drain(routed.instanceId, [current.replica], 10_000, signal)
      assert.equal(report.drained, true)
      current.server.close()
      current.server.closeAllConnections()
      await routed.change({ [fresh]: { weight: 100, endpoints: [next] } })
      current = next
    }
    await load.stop()
    agent.destroy()
    assert.deepEqual(load.wrong, [])
    assert.ok(load.sent > 200, `${load.sent} requests were sent`)
  })
})
