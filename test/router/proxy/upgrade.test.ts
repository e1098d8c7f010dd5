import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { isSlipwayError } from '../../../src/errors.ts'
import { connectRunning } from '../../../src/router/proxy/find.ts'
import { placeOf } from '../../../src/router/proxy/place.ts'
import { isRunning } from '../../../src/router/proxy/running.ts'
import { ask, constantLoad, draining, gone, keptAgent, proxyWorld, type World } from './world.ts'

describe('a new version of the proxy takes over', () => {
  let world: World
  const signal = new AbortController().signal
  before(async () => {
    world = await proxyWorld()
  })
  after(() => world.dispose())

  test('three times under load, and not one request or connection is lost', async () => {
    const replica = await world.replica('r', (req, res) => void req.resume().on('end', () => res.end('ok')))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } }, { hosts: ['up.localhost'] })
    const agent = keptAgent(10)
    const load = constantLoad(10, (client, number) => ({
      port: number % 4 === 0 ? world.router.front.port : routed.port,
      headers: { host: 'up.localhost' },
      // Half of them keep their connection over the upgrade, the others come anew each time.
      ...(client % 2 ? { agent } : {}),
      ...(number % 3 === 0 ? { method: 'POST', body: 'x' } : {}),
    }))
    const pids = [await world.router.pid()]
    for (let i = 0; i < 3; i++) {
      pids.push(await world.router.upgrade())
      for (const until = load.sent + 100; load.sent < until; ) await ask({ port: routed.port })
      await routed.change({ one: { weight: 100, endpoints: [replica] } })
    }
    await load.stop()
    agent.destroy()
    assert.deepEqual(load.wrong, [])
    assert.equal(new Set(pids).size, 4)
    assert.equal(await world.router.pid(), pids.at(-1))
    for (const pid of pids.slice(0, -1)) await gone(pid)
    assert.equal((await world.router.check()).ok, true)
  })

  test('what is in flight ends in the old process, and the new one drains and counts it', async () => {
    const arrived = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const old = await world.replica('old', (_req, res) => {
      arrived.resolve()
      res.write('begun ')
      void release.promise.then(() => res.end('and ended'))
    })
    const wss = new WebSocketServer({ server: old.server })
    wss.on('connection', socket => socket.on('message', data => socket.send(data)))
    const routed = await world.route({ one: { weight: 100, endpoints: [old] } })
    const webSocket = new WebSocket(`ws://127.0.0.1:${routed.port}/`)
    await once(webSocket, 'open')
    const asking = request({ port: routed.port, host: '127.0.0.1', agent: false }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    await arrived.promise

    const before = await world.router.pid()
    await world.router.upgrade()
    assert.ok(isRunning(before))
    webSocket.send('over there')
    assert.equal(String(((await once(webSocket, 'message')) as [Buffer])[0]), 'over there')
    const [counted] = await world.router.traffic(routed.instanceId)
    assert.deepEqual([counted?.requests, counted?.active, counted?.activeWebSockets], [2, 1, 1])

    await routed.change({ one: { weight: 100, endpoints: draining(old) } })
    const controller = new AbortController()
    const calledOff = world.router.drain(routed.instanceId, ['old'], 50, controller.signal)
    controller.abort(new Error('called off'))
    await assert.rejects(calledOff, /called off/)
    const drain = world.router.drain(routed.instanceId, ['old'], 300, signal)
    release.resolve()
    let body = ''
    for await (const chunk of answer) body += String(chunk)
    assert.equal(body, 'begun and ended')
    assert.deepEqual(await drain, { drained: true, cutRequests: 0, openWebSockets: 1 })
    webSocket.close()
    await gone(before)
    const [last] = await world.router.traffic(routed.instanceId)
    assert.deepEqual([last?.requests, last?.active, last?.activeWebSockets], [2, 0, 0])
    wss.close()
  })

  test('a drain that waits while the new version takes over goes on waiting there', async () => {
    const arrived = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const old = await world.replica('old', (_req, res) => {
      arrived.resolve()
      void release.promise.then(() => res.end('whole'))
    })
    const routed = await world.route({ one: { weight: 100, endpoints: [old] } })
    const slow = ask({ port: routed.port })
    await arrived.promise
    await routed.change({ one: { weight: 100, endpoints: draining(old) } })
    const order: string[] = []
    const drain = world.router.drain(routed.instanceId, ['old'], 60_000, signal).then(report => {
      order.push('drained')
      return report
    })
    await world.router.upgrade()
    await world.router.check()
    order.push('released')
    release.resolve()
    assert.equal((await slow).body, 'whole')
    assert.deepEqual(await drain, { drained: true, cutRequests: 0, openWebSockets: 0 })
    assert.deepEqual(order, ['released', 'drained'])
  })

  test('a connection kept over the upgrade is served by the tables of the new process', async () => {
    const [old, fresh] = await Promise.all(
      ['old', 'new'].map(name => world.replica(name, (_req, res) => res.end(name))),
    )
    assert.ok(old && fresh)
    const routed = await world.route({ one: { weight: 100, endpoints: [old] } })
    const agent = keptAgent(1)
    assert.equal((await ask({ port: routed.port, agent })).body, 'old')
    await world.router.upgrade()
    await routed.change({ two: { weight: 100, endpoints: [fresh] } })
    const got = await ask({ port: routed.port, agent })
    assert.equal(got.body, 'new')
    assert.equal(got.headers['connection'], 'close')
    assert.equal((await ask({ port: routed.port, agent })).headers['connection'], 'keep-alive')
    agent.destroy()
  })

  test('a new version that does not start changes nothing', async () => {
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    const pid = await world.router.pid()
    const control = await connectRunning(placeOf(world.dataDir), { onEnd: () => {} })
    assert.ok(control)
    await assert.rejects(control.call('upgrade', { node: process.execPath, main: '/nowhere/main.js' }, 10_000), error =>
      isSlipwayError(error, 'unavailable'),
    )
    control.close()
    assert.equal(await world.router.pid(), pid)
    assert.equal((await ask({ port: routed.port })).body, 'ok')
    await routed.change({ one: { weight: 100, endpoints: [replica] } })
  })

  test('the new process restores itself like the first: killed, it is back with its routes', async () => {
    const replica = await world.replica('r', (_req, res) => res.end('ok'))
    const routed = await world.route({ one: { weight: 100, endpoints: [replica] } })
    const pid = await world.router.upgrade()
    process.kill(pid, 'SIGKILL')
    await gone(pid)
    assert.equal((await world.router.check()).ok, true)
    assert.equal((await ask({ port: routed.port })).body, 'ok')
  })
})
