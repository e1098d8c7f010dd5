import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Endpoint } from '../../../src/router/router.ts'
import { ask, keptAgent, portOf, proxyWorld, type World } from './world.ts'

describe('requests that meet a broken replica', () => {
  let world: World
  const servers: Server[] = []
  before(async () => {
    world = await proxyWorld()
  })
  after(async () => {
    for (const server of servers) server.close()
    await world.dispose()
  })

  /** A replica on bare sockets. */
  const bare = async (id: string, onConnection: (socket: Socket) => void): Promise<Endpoint> => {
    const server = createServer(onConnection).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return { replica: id, address: { host: '127.0.0.1', port: portOf(server) }, state: 'serving' }
  }
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

  test('a replica that refuses connections costs no request: another takes it, body and all', async () => {
    const good = await world.replica('good', (req, res) => void req.pipe(res))
    const { port, instanceId } = await world.route({
      one: { weight: 100, endpoints: [await world.nobody('dead-1'), await world.nobody('dead-2'), good] },
    })
    for (let i = 0; i < 12; i++) {
      const { status, body } = await ask({ port, method: i % 2 ? 'POST' : 'GET', body: i % 2 ? `body ${i}` : '' })
      assert.deepEqual([status, body], [200, i % 2 ? `body ${i}` : ''])
    }
    const [traffic] = await world.router.traffic(instanceId)
    assert.deepEqual([traffic?.requests, traffic?.errors, traffic?.active], [12, 0, 0])
  })

  test('a revision nobody can reach loses its request to another, and is charged with the error', async () => {
    const good = await world.replica('good', (_req, res) => res.end('good'))
    const { port, instanceId } = await world.route({
      bad: { weight: 50, endpoints: [await world.nobody('dead')] },
      good: { weight: 50, endpoints: [good] },
    })
    for (let i = 0; i < 10; i++) assert.equal((await ask({ port })).body, 'good')
    const traffic = new Map((await world.router.traffic(instanceId)).map(one => [one.revision, one]))
    assert.deepEqual([traffic.get('bad')?.requests, traffic.get('bad')?.errors], [5, 5])
    assert.deepEqual([traffic.get('good')?.requests, traffic.get('good')?.errors], [10, 0])
  })

  test('when no replica can be reached the answer is 503, marked as the proxy’s own', async () => {
    const { port, instanceId } = await world.route({ one: { weight: 100, endpoints: [await world.nobody('dead')] } })
    const got = await ask({ port, method: 'POST', body: 'x' })
    assert.deepEqual(
      [got.status, got.headers['x-slipway-error'], got.headers['retry-after']],
      [503, 'unreachable', '1'],
    )
    const [traffic] = await world.router.traffic(instanceId)
    assert.deepEqual([traffic?.requests, traffic?.errors, traffic?.active], [1, 1, 0])
  })

  test('a replica that closes each connection after its answer, unannounced, loses nothing', async () => {
    let posts = 0
    const hasty = await bare('hasty', socket => {
      socket.on('error', error => void error) // because the proxy may find it closed
      socket.on('data', (data: Buffer) => {
        if (data.toString('latin1').startsWith('POST')) posts++
        socket.write(ok, () => setImmediate(() => socket.end()))
      })
    })
    const { port, instanceId } = await world.route({ one: { weight: 100, endpoints: [hasty] } })
    const agent = keptAgent()
    const client = async (number: number): Promise<void> => {
      for (let i = 0; i < 40; i++) {
        const method = (i + number) % 2 ? 'POST' : 'GET'
        const { status } = await ask({ port, agent, method, ...(method === 'POST' ? { body: 'x' } : {}) })
        assert.equal(status, 200)
      }
    }
    await Promise.all(Array.from({ length: 10 }, (_, number) => client(number)))
    agent.destroy()
    assert.equal(posts, 200, 'each POST was sent exactly once')
    const [traffic] = await world.router.traffic(instanceId)
    assert.deepEqual([traffic?.requests, traffic?.errors], [400, 0])
  })

  test('a kept connection that the replica resets just as the next request comes costs none', async () => {
    let last: Socket | undefined
    const rude = await bare('rude', socket => {
      socket.on('error', error => void error) // because we break it ourselves
      socket.on('data', () => {
        last = socket
        socket.write(ok)
      })
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [rude] } })
    const agent = keptAgent(1)
    for (let i = 0; i < 100; i++) {
      assert.equal((await ask({ port, agent, ...(i % 2 ? { method: 'POST', body: 'x' } : {}) })).status, 200)
      last?.resetAndDestroy()
    }
    agent.destroy()
  })

  test('a GET whose kept connection dies without a byte is sent again; the replica sees it, the client does not', async () => {
    let seen = 0
    const moody = await bare('moody', socket => {
      let onThis = 0
      socket.on('error', error => void error) // because we break it ourselves
      socket.on('data', () => {
        seen++
        if (onThis++ === 0) socket.write(ok)
        else socket.destroy()
      })
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [moody] } })
    assert.equal((await ask({ port })).body, 'ok')
    assert.equal((await ask({ port })).body, 'ok')
    assert.equal(seen, 3)
  })

  test('a POST is never sent on a connection that might be closing, nor sent twice', async () => {
    const connections: string[][] = []
    const silent = await bare('silent', socket => {
      const requests: string[] = []
      connections.push(requests)
      socket.on('error', error => void error) // because we break it ourselves
      socket.on('data', (data: Buffer) => {
        const [method = ''] = data.toString('latin1').split(' ')
        requests.push(method)
        if (method === 'GET') socket.write(ok)
        else socket.destroy()
      })
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [silent] } })
    await ask({ port })
    const got = await ask({ port, method: 'POST', headers: { 'content-length': '0' } })
    assert.deepEqual([got.status, got.headers['x-slipway-error']], [502, 'broken'])
    assert.deepEqual(connections, [['GET'], ['POST']])
  })

  test('a POST that kills its replica is not given to another: it may have been carried out', async () => {
    let posts = 0
    const dying = async (id: string) =>
      world.replica(id, req => {
        posts++
        req.resume().on('end', () => req.socket.destroy())
      })
    const { port } = await world.route({ one: { weight: 100, endpoints: [await dying('a'), await dying('b')] } })
    assert.equal((await ask({ port, method: 'POST', headers: { 'content-length': '0' } })).status, 502)
    assert.equal(posts, 1)
  })

  test('a POST uses a kept connection when the replica announced that it keeps it', async () => {
    const sockets = new Set<unknown>()
    const polite = await world.replica('polite', (req, res) => {
      sockets.add(req.socket)
      req.resume().on('end', () => res.end('ok'))
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [polite] } })
    for (let i = 0; i < 5; i++) assert.equal((await ask({ port, method: 'POST', body: 'x' })).status, 200)
    assert.equal(sockets.size, 1)
  })

  test('a GET that kills one replica is tried on another, and a stream that began is not', async () => {
    const dying = await world.replica('dying', (req, res) => {
      if (req.url === '/begun') res.write('some', () => req.socket.destroy())
      else req.socket.destroy()
    })
    const good = await world.replica('good', (_req, res) => res.end('good'))
    const { port } = await world.route({ one: { weight: 100, endpoints: [dying, good] } })
    assert.equal((await ask({ port })).body, 'good')
    assert.equal((await ask({ port })).body, 'good')
    const { port: only } = await world.route({ one: { weight: 100, endpoints: [dying] } })
    await assert.rejects(ask({ port: only, path: '/begun' }))
  })
})
