import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Endpoint } from '../../../src/router/router.ts'
import { draining, proxyWorld, type World } from './world.ts'

describe('WebSockets through the proxy', () => {
  let world: World
  const sockets: WebSocketServer[] = []
  before(async () => {
    world = await proxyWorld()
  })
  after(async () => {
    for (const server of sockets) for (const client of server.clients) client.terminate()
    await world.dispose()
  })

  const echoing = async (id: string): Promise<Endpoint> => {
    const { server, ...endpoint } = await world.replica(id, (_req, res) => res.writeHead(426).end('upgrade, please'))
    const wss = new WebSocketServer({ server, path: '/echo' })
    sockets.push(wss)
    wss.on('connection', (socket, req) => {
      socket.send(JSON.stringify({ id, host: req.headers.host, for: req.headers['x-forwarded-for'] }))
      socket.on('message', (data, binary) => socket.send(data, { binary }))
    })
    return endpoint
  }
  const open = async (port: number, path = '/echo'): Promise<{ socket: WebSocket; hello: Record<string, string> }> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    const [data] = (await once(socket, 'message')) as [Buffer]
    return { socket, hello: JSON.parse(data.toString()) as Record<string, string> }
  }

  test('messages go both ways, large ones too, and both ends learn of the close', async () => {
    const { port } = await world.route({ one: { weight: 100, endpoints: [await echoing('a')] } })
    const { socket, hello } = await open(port)
    assert.equal(hello['host'], `127.0.0.1:${port}`)
    assert.equal(hello['for'], '127.0.0.1')
    const large = Buffer.alloc(3 << 20, 'x')
    for (const message of [Buffer.from('hello'), large]) {
      socket.send(message)
      const [data] = (await once(socket, 'message')) as [Buffer]
      assert.ok(data.equals(message))
    }
    socket.close(4001, 'done')
    const [code] = (await once(socket, 'close')) as [number]
    assert.equal(code, 4001)
  })

  test('they are counted apart from requests, and obey weights', async () => {
    const [old, fresh] = [await echoing('old'), await echoing('new')]
    const { port, instanceId } = await world.route({
      old: { weight: 50, endpoints: [old] },
      new: { weight: 50, endpoints: [fresh] },
    })
    const open4 = [await open(port), await open(port), await open(port), await open(port)]
    assert.equal(open4.filter(({ hello }) => hello['id'] === 'new').length, 2)
    const traffic = await world.router.traffic(instanceId)
    for (const one of traffic) assert.deepEqual([one.active, one.activeWebSockets, one.errors], [0, 2, 0])
    for (const { socket } of open4) socket.terminate()
    const left = async () =>
      (await world.router.traffic(instanceId)).reduce((sum, one) => sum + one.activeWebSockets, 0)
    for (const until = performance.now() + 5000; (await left()) > 0; )
      assert.ok(performance.now() < until, 'still counted')
  })

  test('a refused connection is tried elsewhere', async () => {
    const endpoints = [await world.nobody('dead'), await echoing('alive')]
    const { port } = await world.route({ one: { weight: 100, endpoints } })
    for (let i = 0; i < 4; i++) {
      const { socket, hello } = await open(port)
      assert.equal(hello['id'], 'alive')
      socket.terminate()
    }
  })

  test('a replica that answers in HTTP is heard, and the connection ends there: nothing can follow on it', async () => {
    const seen: (string | undefined)[] = []
    const plain = await world.replica('plain', (req, res) => {
      seen.push(req.url)
      res.writeHead(403, { 'x-why': 'no' }).end('not here')
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [plain] } })
    const socket = connect({ port, host: '127.0.0.1' }).setEncoding('latin1')
    socket.write(
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    let text = ''
    for await (const chunk of socket) text += chunk as string
    assert.match(text, /^HTTP\/1\.1 403/)
    assert.match(text, /x-why: no/)
    assert.match(text, /connection: close/i)
    assert.ok(text.includes('not here'))
    assert.deepEqual(seen, ['/ws'])
  })

  test('the last words of a replica that cuts the connection reach a client that is still writing and reads them late', async () => {
    const { server, ...endpoint } = await world.replica('rude', (_req, res) => res.end())
    let writes = 0
    const cut = Promise.withResolvers<void>()
    server.on('upgrade', (_req, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chatter\r\n\r\n')
      socket.on('close', () => cut.resolve()).on('error', () => undefined)
      socket.on('data', () => {
        if (++writes > 1) return
        socket.write('goodbye', () => socket.destroy())
      })
    })
    const { port } = await world.route({ one: { weight: 100, endpoints: [endpoint] } })
    const client = connect({ port, host: '127.0.0.1' }).setEncoding('latin1')
    let failure: Error | undefined
    client.on('error', error => (failure ??= error))
    client.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chatter\r\n\r\n')
    const [head] = (await once(client, 'data')) as [string]
    assert.match(head, /^HTTP\/1\.1 101/)
    client.pause()
    // It goes on writing for a while after the replica is gone, as somebody does who has not heard of it.
    client.write('first')
    await cut.promise
    for (let i = 0; i < 20; i++) await new Promise(resolve => client.write(`more ${i}`, resolve))
    let text = ''
    client.on('data', chunk => (text += String(chunk)))
    client.resume()
    await once(client, 'close')
    assert.deepEqual([failure, text], [undefined, 'goodbye'])
  })

  test('an upgrade to h2c is answered as plain HTTP', async () => {
    const plain = await world.replica('plain', (req, res) => res.end(`upgrade: ${req.headers.upgrade}`))
    const { port } = await world.route({ one: { weight: 100, endpoints: [plain] } })
    const socket = connect({ port, host: '127.0.0.1' }).setEncoding('latin1')
    socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    )
    const [text] = (await once(socket, 'data')) as [string]
    assert.match(text, /^HTTP\/1\.1 200/)
    assert.match(text, /upgrade: undefined/)
    socket.destroy()
  })

  test('without a replica the handshake gets 503, on an unknown host 404', async () => {
    const { port } = await world.route({ one: { weight: 100, endpoints: [] } })
    for (const [where, status] of [
      [port, 503],
      [world.router.front.port, 404],
    ] as const) {
      const [error] = (await once(new WebSocket(`ws://127.0.0.1:${where}/`), 'error')) as [Error]
      assert.match(error.message, new RegExp(String(status)))
    }
  })

  test('a drain leaves WebSockets to their replica, which says goodbye through the tunnel, and says how many', async () => {
    const [old, fresh] = [await echoing('old'), await echoing('new')]
    const routed = await world.route({ old: { weight: 100, endpoints: [old] } })
    const [first, second] = [await open(routed.port), await open(routed.port)]
    await routed.change({
      old: { weight: 0, endpoints: draining(old) },
      new: { weight: 100, endpoints: [fresh] },
    })
    first.socket.send('still here')
    assert.equal(String(((await once(first.socket, 'message')) as [Buffer])[0]), 'still here')
    const report = await world.router.drain(routed.instanceId, ['old'], 60_000, new AbortController().signal)
    assert.deepEqual(report, { drained: true, cutRequests: 0, openWebSockets: 2 })
    second.socket.send('and here')
    assert.equal(String(((await once(second.socket, 'message')) as [Buffer])[0]), 'and here')
    const closed = [once(first.socket, 'close'), once(second.socket, 'close')]
    for (const client of sockets.at(-2)?.clients ?? []) client.close(1001, 'going away')
    for (const [code] of (await Promise.all(closed)) as [number][]) assert.equal(code, 1001)
    const again = await open(routed.port)
    assert.equal(again.hello['id'], 'new')
    again.socket.terminate()
  })
})
