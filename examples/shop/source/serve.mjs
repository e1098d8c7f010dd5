import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { echo } from './websocket.mjs'

/** What this folder is: service, version, and how it misbehaves, if it does. Written by build.ts. */
export const release = JSON.parse(readFileSync(new URL('./release.json', import.meta.url), 'utf8'))

/** On every answer of ours: a client can tell it from one that something in between made up. */
const marker = { 'x-shop-version': `${release.service}-${release.version}` }

let stopping = false

/** Serves `routes` on 127.0.0.1:$PORT, with /healthz and a WebSocket echo on /ws, until SIGTERM; then ends what is under way and exits 0. */
export async function serve(routes) {
  for (const name of release.needs ?? []) {
    if (process.env[name]) continue
    process.stderr.write(`${release.service}: cannot read ${name}: it is not set\n`)
    process.exit(1)
  }
  await delay(release.listenAfterMs ?? 0)

  let asked = 0
  const goodbyes = new Set()
  const server = createServer(async (request, response) => {
    response.on('close', () => stopping && setImmediate(() => server.closeIdleConnections()))
    const url = new URL(request.url, 'http://shop')
    if (url.pathname === '/healthz') return health(response)
    asked++
    const { every, from } = release.fails ?? {}
    if (every && asked % every === from) return send(response, 500, { error: 'out of luck' })
    const route = routes[url.pathname]
    if (!route) return send(response, 404, { error: `nothing at ${url.pathname}` })
    await delay(release.answerAfterMs ?? 0)
    try {
      await route(response, url)
    } catch (error) {
      // Half an answer is worse than none: cut it, so that the client can tell.
      if (response.headersSent) response.destroy()
      else send(response, 500, { error: error.message })
    }
  })
  server.keepAliveTimeout = 60_000
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/ws') {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
      return
    }
    const goodbye = echo(request, socket, head, marker)
    goodbyes.add(goodbye)
    socket.on('close', () => goodbyes.delete(goodbye))
    if (stopping) goodbye()
  })
  process.once('SIGTERM', () => {
    stopping = true
    server.close(() => {
      console.log(`${release.service} ${release.version} ended`)
      process.exit(0)
    })
    for (const goodbye of goodbyes) goodbye()
  })
  server.listen(Number(process.env.PORT), '127.0.0.1', () => {
    console.log(`${release.service} ${release.version} listening on ${server.address().port}`)
  })
}

/** A whole JSON answer. */
export function send(response, status, body, headers = {}) {
  const text = JSON.stringify({ service: release.service, version: release.version, ...body })
  response.writeHead(status, { ...head(), ...headers, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

/** Begins an answer that is written in parts. */
export function begin(response) {
  response.writeHead(200, head())
}

function head() {
  return { ...marker, 'content-type': 'application/json', ...(stopping ? { connection: 'close' } : {}) }
}

function health(response) {
  if (release.unhealthy) return send(response, 503, { error: release.unhealthy })
  send(response, 200, { healthy: true })
}
