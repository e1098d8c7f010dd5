import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ask, proxyWorld, type World } from './world.ts'

describe('what the proxy forwards', () => {
  let world: World
  before(async () => {
    world = await proxyWorld()
  })
  after(() => world.dispose())

  const service = async (listener: Parameters<World['replica']>[1], hosts: string[] = []) =>
    world.route({ one: { weight: 100, endpoints: [await world.replica('r', listener)] } }, { hosts })
  /** Sends bytes as they are and reads until the connection ends. */
  const raw = async (port: number, bytes: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1' }).setEncoding('latin1')
    socket.write(bytes)
    let text = ''
    for await (const chunk of socket) text += chunk as string
    return text
  }
  const echo = (req: IncomingMessage): string =>
    JSON.stringify({ method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders })
  interface Echoed {
    method: string
    url: string
    headers: Record<string, string>
    raw: string[]
  }
  const echoed = ({ body }: { body: string }): Echoed => JSON.parse(body) as Echoed

  test('method, path and query, host, end-to-end headers and repeated ones arrive as they were sent', async () => {
    const { port } = await service((req, res) => res.end(echo(req)))
    const headers = { host: 'Shop.Example:8080', 'X-Custom': ['a', 'b'], cookie: 'c=1' }
    const got = echoed(await ask({ port, method: 'DELETE', path: '/a%20b?q=1&q=2', headers }))
    assert.equal(got.method, 'DELETE')
    assert.equal(got.url, '/a%20b?q=1&q=2')
    assert.equal(got.headers['host'], 'Shop.Example:8080')
    assert.equal(got.headers['x-custom'], 'a, b')
    assert.equal(got.raw.filter(name => name === 'X-Custom').length, 2)
    assert.equal(got.headers['cookie'], 'c=1')
  })

  test('X-Forwarded-For grows by the client, Host and Proto are told unless a proxy in front did', async () => {
    const { port } = await service((req, res) => res.end(echo(req)))
    const first = echoed(await ask({ port, headers: { host: 'shop.example' } })).headers
    assert.equal(first['x-forwarded-for'], '127.0.0.1')
    assert.equal(first['x-forwarded-host'], 'shop.example')
    assert.equal(first['x-forwarded-proto'], 'http')
    const behind = { 'x-forwarded-for': '10.1.1.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'www.example' }
    const second = echoed(await ask({ port, headers: behind })).headers
    assert.equal(second['x-forwarded-for'], '10.1.1.1, 127.0.0.1')
    assert.equal(second['x-forwarded-host'], 'www.example')
    assert.equal(second['x-forwarded-proto'], 'https')
  })

  test('headers of one connection stay on it, in both directions', async () => {
    const { port } = await service((req, res) => {
      res.setHeader('Connection', 'keep-alive, X-Own').setHeader('X-Own', '1').setHeader('X-Kept', '1')
      res.end(echo(req))
    })
    const headers = { connection: 'X-Hop, Host', 'x-hop': '1', te: 'trailers', 'proxy-connection': 'x', host: 'a.b' }
    const got = await ask({ port, headers })
    assert.equal(got.headers['x-own'], undefined)
    assert.equal(got.headers['x-kept'], '1')
    const seen = echoed(got).headers
    for (const name of ['x-hop', 'te', 'proxy-connection']) assert.equal(seen[name], undefined, name)
    assert.equal(seen['host'], 'a.b')
  })

  test('the shared port routes by host, whatever its case, port or trailing dot; a service port by itself', async () => {
    const { port } = await service((_req, res) => res.end('shop'), ['shop.acme.localhost'])
    const front = world.router.front.port
    for (const host of ['shop.acme.localhost', 'SHOP.acme.localhost:1234', 'shop.acme.localhost.']) {
      assert.equal((await ask({ port: front, headers: { host } })).body, 'shop', host)
    }
    assert.equal((await ask({ port, headers: { host: 'anything.else' } })).body, 'shop')
    const unknown = await ask({ port: front, headers: { host: 'other.acme.localhost' } })
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers['x-slipway-error'], 'unknown_host')
  })

  test('a target in full goes to the host it names, not to the one in the header', async () => {
    await service((req, res) => res.end(echo(req)), ['full.localhost'])
    const text = await raw(
      world.router.front.port,
      'GET http://full.localhost/path?x HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n',
    )
    assert.match(text, /^HTTP\/1\.1 200/)
    assert.match(text, /"url":"\/path\?x"/)
    assert.match(text, /"host":"full\.localhost"/)
  })

  test('a request whose length is said twice is refused, so no second one hides in it', async () => {
    let requests = 0
    const { port } = await service((_req, res) => {
      requests++
      res.end()
    })
    const text = await raw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n',
    )
    assert.match(text, /^HTTP\/1\.1 400/)
    assert.equal(requests, 0)
  })

  test('HEAD has the headers and no body; 204 and 304 have none either', async () => {
    const { port } = await service((req, res) => {
      if (req.url === '/none') return void res.writeHead(204).end()
      if (req.url === '/same') return void res.writeHead(304, { etag: '"1"' }).end()
      res.writeHead(200, { 'content-length': 11, 'x-a': 'b' }).end(req.method === 'HEAD' ? undefined : 'hello world')
    })
    const head = await ask({ port, method: 'HEAD' })
    assert.deepEqual(
      [head.status, head.headers['content-length'], head.headers['x-a'], head.body],
      [200, '11', 'b', ''],
    )
    assert.equal((await ask({ port, path: '/none' })).status, 204)
    assert.equal((await ask({ port, path: '/same' })).headers['etag'], '"1"')
  })

  test('status, reason and trailers of the answer arrive', async () => {
    const { port } = await service((_req, res) => {
      res.writeHead(418, 'Short and stout', { trailer: 'x-sum' })
      res.write('tea')
      res.addTrailers({ 'x-sum': '42' })
      res.end()
    })
    const got = await ask({ port })
    assert.equal(got.status, 418)
    assert.equal(got.body, 'tea')
    assert.equal(got.trailers['x-sum'], '42')
  })

  test('a body is asked for by 100-continue only once a replica takes it', async () => {
    const { port } = await service((req, res) => {
      req.resume().on('end', () => res.end('taken'))
    })
    const asking = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
    })
    asking.flushHeaders()
    await once(asking, 'continue')
    asking.end('body')
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    assert.equal(answer.statusCode, 200)
    answer.resume()

    const { port: empty } = await world.route({ one: { weight: 100, endpoints: [] } })
    const refused = request({
      port: empty,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
    })
    let continued = false
    refused.on('continue', () => {
      continued = true
    })
    refused.flushHeaders()
    const [answered] = (await once(refused, 'response')) as [IncomingMessage]
    assert.equal(answered.statusCode, 503)
    assert.equal(continued, false)
    answered.resume()
    refused.destroy()
  })

  test('20 MB go up and 20 MB come down, byte for byte', async () => {
    const chunk = Buffer.alloc(1 << 20, 'slipway ')
    const { port } = await service((req, res) => {
      const hash = createHash('sha256')
      req
        .on('data', (data: Buffer) => hash.update(data))
        .on('end', () => {
          res.setHeader('x-up', hash.digest('hex'))
          let left = 20
          const more = (): void => {
            while (left-- > 0) if (!res.write(chunk)) return void res.once('drain', more)
            res.end()
          }
          more()
        })
    })
    const expected = createHash('sha256')
    for (let i = 0; i < 20; i++) expected.update(chunk)
    const digest = expected.digest('hex')
    const asking = request({ port, host: '127.0.0.1', method: 'POST' })
    for (let i = 0; i < 20; i++) if (!asking.write(chunk)) await once(asking, 'drain')
    asking.end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const down = createHash('sha256')
    for await (const data of answer) down.update(data as Buffer)
    assert.equal(answer.headers['x-up'], digest)
    assert.equal(down.digest('hex'), digest)
  })

  test('a client that does not read holds the replica back instead of filling the proxy', async () => {
    const chunk = Buffer.alloc(1 << 20)
    let written = 0
    const stuck = Promise.withResolvers<void>()
    const { port } = await service((_req, res) => {
      const more = (): void => {
        while (written < 200) {
          written++
          if (!res.write(chunk)) return void res.once('drain', more)
        }
        res.end()
      }
      more()
      let last = -1
      const watch = setInterval(() => {
        if (written === last) stuck.resolve()
        last = written
      }, 100)
      res.once('close', () => clearInterval(watch))
    })
    const asking = request({ port, host: '127.0.0.1' }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    answer.pause()
    await stuck.promise
    assert.ok(written < 100, `${written} MB were taken from the replica`)
    answer.destroy()
  })

  test('events arrive one by one while the stream goes on, head first', async () => {
    let send: (text: string) => void = () => {}
    const { port } = await service((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.flushHeaders()
      send = text => void res.write(text)
    })
    const asking = request({ port, host: '127.0.0.1' }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    assert.equal(answer.headers['content-type'], 'text/event-stream')
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      send(event)
      const [data] = (await once(answer, 'data')) as [Buffer]
      assert.equal(data.toString(), event)
    }
    answer.destroy()
  })

  test('an upload arrives while it is being sent, and may be answered before it ends', async () => {
    const { port } = await service((req, res) => {
      req.once('data', (data: Buffer) => res.end(`got ${data.toString()}`))
    })
    const asking = request({ port, host: '127.0.0.1', method: 'POST' })
    asking.on('error', error => void error) // because the rest of the upload is not wanted any more
    asking.write('first')
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const [data] = (await once(answer, 'data')) as [Buffer]
    assert.equal(data.toString(), 'got first')
    asking.destroy()
  })

  test('a client that goes away takes its request at the replica with it', async () => {
    const left = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const { port, instanceId } = await service((_req, res) => {
      arrived.resolve()
      res.once('close', () => left.resolve())
    })
    const asking = request({ port, host: '127.0.0.1' }).end()
    asking.on('error', error => void error) // because we hang up ourselves
    await arrived.promise
    asking.destroy()
    await left.promise
    const [traffic] = await world.router.traffic(instanceId)
    assert.equal(traffic?.active, 0)
    assert.equal(traffic?.errors, 0, 'it was not the replica’s fault')
  })

  test('an answer that breaks off breaks off for the client too, and counts as an error', async () => {
    const { port, instanceId } = await service((_req, res) => {
      res.writeHead(200, { 'content-length': 100 })
      res.write('half', () => res.destroy())
    })
    await assert.rejects(ask({ port }))
    const [traffic] = await world.router.traffic(instanceId)
    assert.deepEqual([traffic?.requests, traffic?.errors], [1, 1])
  })

  test('answers of 500 and above are errors, others are not', async () => {
    const { port, instanceId } = await service((req, res) => res.writeHead(Number(req.url?.slice(1))).end())
    for (const status of [200, 302, 404, 499, 500, 503]) {
      assert.equal((await ask({ port, path: `/${status}` })).status, status)
    }
    const [traffic] = await world.router.traffic(instanceId)
    assert.deepEqual([traffic?.requests, traffic?.errors], [6, 2])
  })

  test('a kept connection of a client carries many requests', async () => {
    const { port } = await service((req, res) => res.end(req.url))
    const text = await raw(
      port,
      ['/1', '/2'].map(path => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join('') +
        'GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 3)
  })
})
