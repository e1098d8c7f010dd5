import assert from 'node:assert/strict'
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { percentile } from '../../src/demo/load/histogram.ts'
import { type Load, startLoad } from '../../src/demo/load/load.ts'
import type { LoadOptions } from '../../src/demo/load/options.ts'
import { pace } from '../../src/demo/load/pace.ts'
import { buildShop } from '../../src/demo/shop/build.ts'

let folder: string
let apiFolder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-load-'))
  apiFolder = (await buildShop(folder))['api-1']
})
after(() => rm(folder, { recursive: true }))

const api = { type: 'shop', service: 'api' } as const
const right = JSON.stringify({ service: 'api', version: '1' })
const marker = { 'x-shop-version': 'api-1' }

/** A server in this process that answers as it is told. */
async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

function answerRight(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, marker).end(right)
}

/** A load on the server that ends with the test, however that ends. */
function load(t: TestContext, port: number, options: Partial<LoadOptions>): Load {
  const started = startLoad({
    target: { host: '127.0.0.1', port, hostHeader: 'api.shop.localhost' },
    rps: 200,
    expect: api,
    ...options,
  })
  t.after(() => {
    try {
      process.kill(started.pid, 'SIGKILL')
    } catch (error) {
      void error // because it ended, as it should have
    }
  })
  return started
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** The shop's api as a process, on a port it chose. */
async function startApi(
  t: TestContext,
): Promise<{ port: number; kill(signal: NodeJS.Signals): void; ended: Promise<unknown> }> {
  const child = spawn(process.execPath, ['server.mjs'], { cwd: apiFolder, env: { PORT: '0' } })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    port: Number(/listening on (\d+)/.exec(line.toString())?.[1]),
    kill: signal => child.kill(signal),
    ended: once(child, 'exit'),
  }
}

test('what was due while the generator could not run is sent as soon as it can', async () => {
  const sent: number[] = []
  const stop = pace(1000, lateMs => sent.push(lateMs))
  const until = performance.now() + 50
  while (performance.now() < until) void 0 // because a busy process is what is tried here
  await new Promise(resolve => setTimeout(resolve, 5))
  stop()
  const elapsed = performance.now() - until + 50
  assert.ok(sent.length >= 50 && sent.length <= elapsed + 1, `${sent.length} sent in ${elapsed} ms`)
  assert.ok(Math.max(...sent) >= 45)
})

describe('the load generator', { concurrency: 4 }, () => {
  test('loses nothing on a healthy server, at the rate it was asked for', async t => {
    const server = await startApi(t)
    const running = load(t, server.port, { rps: 300, websockets: 5, slowPerSecond: 5, slowPath: '/slow?ms=300' })
    await running.until(stats => stats.sent >= 600 && stats.webSockets.echoed >= 20)
    const report = await running.stop()
    assert.equal(report.lost, 0, report.losses.join('\n'))
    assert.equal(report.answered, report.sent)
    assert.equal(report.inFlight, 0)
    const expected = (305 * report.sendingMs) / 1000
    // What was due while the machine was busy with others and the end came is not sent any more.
    const missed = (305 * report.lateMs) / 1000
    assert.ok(
      Math.abs(report.sent - expected) < 0.03 * expected + missed,
      `${report.sent} sent instead of ${expected}, up to ${report.lateMs} ms late`,
    )
    assert.deepEqual(report.versions, { api: { 1: report.sent } })
    assert.equal(report.webSockets.echoed, report.webSockets.sent)
    assert.equal(report.webSockets.opened, 5)
    const p50 = percentile(report.latency, 0.5)
    assert.ok(p50 !== undefined && p50 < 500)
  })

  test('says what a server that is killed with requests in flight costs', async t => {
    const server = await startApi(t)
    const running = load(t, server.port, { slowPerSecond: 20, websockets: 2 })
    await running.until(stats => stats.answered > 200 && stats.webSockets.open === 2)
    server.kill('SIGKILL')
    await server.ended
    await running.until(stats => stats.lost > 100)
    const report = await running.stop()
    assert.ok(report.causes.truncated > 0, 'answers that had begun')
    assert.ok(report.causes.refused > report.webSockets.lost + 10, 'new connections')
    assert.ok(report.webSockets.lost >= 2, 'WebSockets')
    assert.equal(report.sent, report.answered + report.appErrors + report.lost - report.webSockets.lost)
    assert.match(report.losses[0] ?? '', /^\d+\.\d{3} s: .*: (?:truncated|refused|reset)/)
  })

  test('tells of each loss once, with when it was sent and when it was lost', async t => {
    const server = await serve(t, () => undefined)
    const began = Date.now()
    const running = load(t, portOf(server), { timeoutMs: 100 })
    await running.until(stats => stats.lost > 0)
    const first = running.takeLosses()
    const { lost } = await running.stop()
    const losses = [...first, ...running.takeLosses()]
    assert.equal(losses.length, lost)
    for (const { cause, sentAt, lostAt } of losses) {
      assert.equal(cause, 'timeout')
      // Timers and the wall clock round differently.
      assert.ok(sentAt >= began - 2 && lostAt - sentAt >= 98 && lostAt <= Date.now(), `${sentAt} ${lostAt}`)
    }
  })

  test('waits for nothing: a server that stalls gets as many requests as one that answers', async t => {
    const server = await serve(t, () => undefined)
    const running = load(t, portOf(server), { timeoutMs: 400 })
    await running.until(stats => stats.causes.timeout >= 100)
    const report = await running.stop()
    assert.equal(report.answered, 0)
    assert.equal(report.causes.timeout, report.sent)
    const expected = (200 * report.sendingMs) / 1000
    assert.ok(Math.abs(report.sent - expected) < 0.05 * expected + 1, `${report.sent} sent instead of ${expected}`)
  })

  test('tells losses of every kind apart, and errors of the application from losses', async t => {
    let turn = 0
    const turns: ((response: ServerResponse) => void)[] = [
      response => response.writeHead(200, marker).end(right),
      response => response.writeHead(500, marker).end(right), // the application's own
      response => response.writeHead(503, { 'x-slipway-error': 'no_replica' }).end('no replica'),
      response => response.writeHead(404, { 'x-slipway-error': 'unknown_host' }).end('no such host'),
      response => response.writeHead(502).end('Bad Gateway'), // by nobody we know
      response => response.writeHead(200, marker).end('{"service":"web","version":"1"}'),
      response => response.writeHead(200, marker).end('not JSON'),
      response => response.writeHead(502, { ...marker, 'x-shop-upstream': 'lost' }).end(right),
      response => {
        response.writeHead(200, { ...marker, 'content-length': right.length })
        response.write(right.slice(0, 5), () => response.destroy())
      },
      response => {
        response.writeHead(200, marker) // chunked, without the last chunk
        response.write(right, () => response.destroy())
      },
      response => response.destroy(),
    ]
    const server = await serve(t, (_, response) => turns[turn++ % turns.length]?.(response))
    const running = load(t, portOf(server), {})
    await running.until(stats => stats.sent >= 200)
    const report = await running.stop()
    const each = report.sent / turns.length
    const about = (count: number, times: number): boolean => Math.abs(count - times * each) <= times + 1
    const { causes } = report
    assert.ok(about(report.answered, 1) && about(report.appErrors, 1), JSON.stringify(report))
    assert.ok(about(causes.proxy, 3) && about(causes.wrong, 2) && about(causes.upstream, 1), JSON.stringify(causes))
    assert.ok(about(causes.truncated, 2) && about(causes.reset, 1), JSON.stringify(causes))
    assert.deepEqual(report.versions, { api: { 1: report.answered + report.appErrors } })
  })

  test('calls a reset on a kept connection lost, like any other', async t => {
    const used = new WeakSet()
    const server = await serve(t, (request, response) => {
      if (used.has(request.socket)) request.socket.destroy()
      else answerRight(request, response)
      used.add(request.socket)
    })
    const running = load(t, portOf(server), { freshShare: 0.5 })
    await running.until(stats => stats.sent >= 100)
    const report = await running.stop()
    assert.ok(Math.abs(report.causes.reset - report.sent / 4) < 12, `${report.causes.reset} of ${report.sent}`)
    assert.match(report.losses[0] ?? '', /kept connection, used before/)
  })

  test('uses fresh connections for the share it is told, with the host it is told', async t => {
    let fresh = 0
    const kept = new Set<unknown>()
    const hosts = new Set<string | undefined>()
    const server = await serve(t, (request, response) => {
      hosts.add(request.headers.host)
      if (request.headers.connection === 'close') fresh++
      else kept.add(request.socket)
      answerRight(request, response)
    })
    const running = load(t, portOf(server), { freshShare: 0.25, keptConnections: 4 })
    await running.until(stats => stats.sent >= 200)
    const report = await running.stop()
    assert.equal(report.lost, 0)
    assert.equal(fresh, Math.floor(report.sent / 4))
    // Each of the four opens more while an answer is late, as many may be on a busy machine; but some are used again.
    assert.ok(kept.size >= 4 && kept.size < report.sent - fresh, `${kept.size} connections were kept`)
    assert.deepEqual([...hosts], ['api.shop.localhost'])
  })

  test('a WebSocket that the server closes politely is opened again and nothing is lost', async t => {
    const server = await serve(t, answerRight)
    const sockets = new WebSocketServer({ server })
    const deaf = new Set<unknown>()
    sockets.on('connection', socket => {
      socket.on('message', data => {
        if (!deaf.has(socket)) socket.send(data, { binary: false })
      })
      // The first connections stop listening, then say goodbye when a message is on its way.
      if (sockets.clients.size > 3 || deaf.size >= 3) return
      deaf.add(socket)
      socket.once('message', () => socket.close(1001))
    })
    const running = load(t, portOf(server), { rps: 10, websockets: 3 })
    await running.until(stats => stats.webSockets.opened === 6 && stats.webSockets.echoed >= 6)
    const report = await running.stop()
    assert.equal(report.lost, 0, report.losses.join('\n'))
    const { closed, crossed, echoed, sent } = report.webSockets
    assert.equal(closed, 3)
    assert.ok(crossed >= 3, 'at least the one that each said goodbye to')
    assert.equal(echoed, sent - crossed)
  })

  test('a WebSocket that is still opening when the end comes is given up, and nothing else', async t => {
    const server = await serve(t, answerRight)
    server.on('upgrade', () => undefined)
    const running = load(t, portOf(server), { rps: 50, websockets: 2 })
    await running.until(stats => stats.answered > 0)
    const report = await running.stop()
    assert.equal(report.lost, 0, report.losses.join('\n'))
    assert.equal(report.webSockets.opened, 0)
  })

  test('a message that had no echo long before its WebSocket was closed politely is lost', async t => {
    const server = await serve(t, answerRight)
    const sockets = new WebSocketServer({ server })
    sockets.once('connection', deaf => {
      let unanswered = 0
      deaf.on('message', () => {
        if (++unanswered === 18) deaf.close(1001)
      })
      sockets.on('connection', socket => socket.on('message', data => socket.send(data, { binary: false })))
    })
    const running = load(t, portOf(server), { rps: 10, websockets: 1 })
    await running.until(stats => stats.webSockets.echoed >= 5)
    const report = await running.stop()
    assert.match(report.losses[0] ?? '', /WebSocket: timeout: message 0:0 got no echo before the connection was closed/)
    assert.ok(report.lost >= 1 && report.lost < 6, `${report.lost} of the 18`)
    assert.equal(report.webSockets.crossed, 18 - report.lost)
  })

  test('a WebSocket that is cut, and a message without an echo, are lost', async t => {
    const server = await serve(t, answerRight)
    const sockets = new WebSocketServer({ server })
    let connected = 0
    sockets.on('connection', socket => {
      const number = connected++
      socket.on('message', data => {
        if (number === 0) socket.terminate()
        else if (number > 1) socket.send(data, { binary: false })
      })
    })
    const running = load(t, portOf(server), { rps: 10, websockets: 2, timeoutMs: 500 })
    await running.until(stats => stats.causes.reset === 1 && stats.causes.timeout >= 2)
    const report = await running.stop()
    assert.equal(report.webSockets.opened, 3)
    assert.ok(report.webSockets.lost >= 3)
    assert.match(report.losses.join('\n'), /WebSocket: reset: client \d: connection cut without a close frame/)
    assert.match(report.losses.join('\n'), /WebSocket: timeout: message \d:0 got no echo before 500 ms passed/)
  })

  test('takes exactly one body as right when the program knows nothing of the shop', async t => {
    const server = await serve(t, (request, response) => {
      const body = request.headers.connection === 'close' ? 'hullo' : 'hello'
      response.writeHead(200, { server: 'http-server-14' }).end(body)
    })
    const running = load(t, portOf(server), {
      expect: { type: 'exact', service: 'site', body: 'hello', versionHeader: 'server' },
      freshShare: 0.1,
    })
    await running.until(stats => stats.sent >= 50)
    const report = await running.stop()
    assert.equal(report.causes.wrong, Math.floor(report.sent / 10))
    assert.deepEqual(report.versions, { site: { 'http-server-14': report.answered } })
  })

  test('says so when the generator itself died', async t => {
    const server = await serve(t, answerRight)
    const running = load(t, portOf(server), {})
    await running.until(stats => stats.sent > 0)
    process.kill(running.pid, 'SIGKILL')
    await assert.rejects(running.stop(), /ended before it was stopped \(SIGKILL\)/)
  })

  test('ends with the process that started it', async t => {
    const child = fork(new URL('../../src/demo/load/process.ts', import.meta.url), { execArgv: [] })
    t.after(() => child.kill('SIGKILL'))
    const server = await serve(t, answerRight)
    child.send({ type: 'start', options: { target: { host: '127.0.0.1', port: portOf(server) }, rps: 10 } })
    await once(child, 'message')
    child.kill('SIGINT') // Ctrl-C reaches it too, and must not end it before its report
    await once(child, 'message')
    child.disconnect()
    assert.deepEqual(await once(child, 'exit'), [0, null])
  })
})
