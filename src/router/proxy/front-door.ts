import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { exchange, type Plane } from './exchange.ts'
import { asksForTunnel, tunnel } from './tunnel.ts'

/** How long a client's idle connection is kept. */
export const clientKeepAliveMs = 75_000

/** What speaks HTTP on every connection the listeners accept. */
export interface FrontDoor {
  accept(socket: Socket): void
  /** Client connections that are open, tunnels included. */
  readonly connections: number
  /** Cuts every connection. */
  destroy(): void
}

/**
 * Makes the HTTP side of the data plane: one parser and one set of limits for all ports. `most` is how many clients may be connected now. Beyond
 * that, idle connections are closed, and when there are none, the new one is: with the last descriptor gone, not even a table could be written.
 */
export function frontDoor(plane: Plane, most: () => number): FrontDoor {
  const sockets = new Set<Socket>()
  const server: Server = createServer({
    insecureHTTPParser: false,
    keepAliveTimeout: clientKeepAliveMs,
    headersTimeout: 60_000,
    // An upload may take as long as it takes.
    requestTimeout: 0,
    shouldUpgradeCallback: asksForTunnel,
  })
  server.on('request', (req, res) => exchange(plane, originForm(req), res, false))
  server.on('checkContinue', (req, res) => exchange(plane, originForm(req), res, true))
  server.on('upgrade', (req, socket, head) => tunnel(plane, originForm(req), socket, head))
  // The ports are listened on one by one and hand their connections in; this starts what `listen` would have: the watch over slow heads.
  server.emit('listening')
  return {
    accept: socket => {
      if (sockets.size >= most()) {
        server.closeIdleConnections()
        for (const one of sockets) if (one.destroyed) sockets.delete(one)
        if (sockets.size >= most()) return void socket.destroy()
      }
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      server.emit('connection', socket)
    },
    get connections() {
      return sockets.size
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A request may name its target in full (`GET http://host/path`); then that is its host, whatever the header says (RFC 9112, 3.2.2). */
function originForm(req: IncomingMessage): IncomingMessage {
  const url = req.url ?? '/'
  if (url[0] === '/' || !/^http:\/\//i.test(url) || !URL.canParse(url)) return req
  const target = new URL(url)
  req.url = target.pathname + target.search
  req.headers.host = target.host
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === 'host') req.rawHeaders[i + 1] = target.host
  }
  return req
}
