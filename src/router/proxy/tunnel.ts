import { type ClientRequest, type IncomingMessage, request, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { InFlight, LiveEndpoint } from './endpoint.ts'
import type { Plane } from './exchange.ts'
import { answerHeaders, forwardedHeaders } from './headers.ts'
import { type RefusalReason, refuse } from './refusal.ts'
import type { Pick } from './service.ts'

const connectTimeoutMs = 3000
/** How long a client may take to read what its replica said last, and to end its side. */
const lastWordsMs = 5000

/**
 * Carries an upgraded connection (a WebSocket) between client and replica. Counted apart from requests, from the pick to the end of the
 * tunnel. What is inside is opaque to the proxy: a drain leaves it alone, and it ends when its client or its replica ends it.
 */
export function tunnel(plane: Plane, req: IncomingMessage, socket: Duplex, head: Buffer): void {
  new Tunnel(plane, req, socket, head).begin()
}

/** Whether a request asks to leave HTTP in a way the proxy tunnels. Not h2c: that would leave the routes as well. */
export function asksForTunnel(req: IncomingMessage): boolean {
  return req.method === 'GET' && !/\bh2c\b/i.test(req.headers.upgrade ?? '')
}

class Tunnel implements InFlight {
  readonly #plane: Plane
  readonly #req: IncomingMessage
  readonly #client: Duplex
  readonly #head: Buffer
  readonly #startedAt = performance.now()
  readonly #tried = new Set<LiveEndpoint>()
  #picked: Pick | undefined
  #replica: Duplex | undefined
  #asking: ClientRequest | undefined
  #answered = false
  #over = false

  constructor(plane: Plane, req: IncomingMessage, client: Duplex, head: Buffer) {
    this.#plane = plane
    this.#req = req
    this.#client = client
    this.#head = head
  }

  begin(): void {
    this.#client.on('error', ignored).on('close', () => this.#end())
    const picker = this.#plane.route(this.#req)
    if (!picker) return this.#refuse('unknown_host')
    const picked = picker.pick(this.#req.headers.cookie)
    if (!picked) return this.#refuse('no_replica')
    this.#enter(picked)
    this.#ask(picker.edge)
  }

  cut(): void {
    if (!this.#answered) this.#refuse('cut')
    this.#end()
  }

  #enter(picked: Pick): void {
    this.#picked = picked
    picked.endpoint.handshakes.add(this)
    picked.traffic.activeWebSockets++
    picked.traffic.lastRoutedAt = Date.now()
  }

  #ask(edge: boolean): void {
    const { endpoint } = this.#picked as Pick
    const headers = forwardedHeaders(this.#req, edge)
    headers.push('connection', 'upgrade', 'upgrade', this.#req.headers.upgrade ?? '')
    const asking = request({
      host: endpoint.address.host,
      port: endpoint.address.port,
      method: 'GET',
      path: this.#req.url ?? '/',
      headers,
      agent: false,
      setHost: false,
    })
    this.#asking = asking
    let connected = false
    const slow = setTimeout(() => asking.destroy(new Error('no connection in time')), connectTimeoutMs)
    asking.on('socket', socket => {
      socket.once('connect', () => {
        connected = true
        clearTimeout(slow)
      })
    })
    asking.on('upgrade', (answer, replica, head) => this.#join(answer, replica, head))
    asking.on('response', answer => this.#decline(answer))
    asking.on('error', () => {
      clearTimeout(slow)
      if (this.#over || this.#answered) return
      if (connected) this.#failWith('broken')
      else this.#elsewhere()
    })
    asking.end()
  }

  /** Nothing was sent: another replica may take it. */
  #elsewhere(): void {
    const last = this.#picked as Pick
    last.endpoint.suspect()
    this.#tried.add(last.endpoint)
    const picker = this.#plane.route(this.#req)
    const next = picker?.pick(this.#req.headers.cookie, this.#tried)
    if (!picker || !next) return this.#failWith('unreachable')
    if (next.traffic !== last.traffic) last.traffic.failed()
    this.#enter(next)
    last.traffic.activeWebSockets--
    last.endpoint.leaveWebSocket(this)
    this.#ask(picker.edge)
  }

  #join(answer: IncomingMessage, replica: Duplex, head: Buffer): void {
    this.#replica = replica
    // What the replica said last, a goodbye perhaps, still reaches the client.
    replica.on('error', ignored).on('close', () => this.#endAfterLastWords())
    if (this.#over) return void replica.destroy()
    this.#answered = true
    this.#picked?.endpoint.upgraded(this)
    this.#picked?.traffic.answered(101, performance.now() - this.#startedAt)
    const { headers } = answerHeaders(answer.rawHeaders)
    headers.push('connection', 'upgrade', 'upgrade', answer.headers.upgrade ?? '')
    if (this.#picked?.setCookie !== undefined) headers.push('set-cookie', this.#picked.setCookie)
    let start = `HTTP/1.1 101 ${answer.statusMessage ?? ''}\r\n`
    for (let i = 0; i < headers.length; i += 2) start += `${headers[i]}: ${headers[i + 1]}\r\n`
    this.#client.write(`${start}\r\n`, 'latin1')
    if (head.length > 0) this.#client.write(head)
    if (this.#head.length > 0) replica.write(this.#head)
    this.#client.pipe(replica)
    replica.pipe(this.#client)
  }

  /** The replica answers in HTTP: no tunnel, and no connection the client could go on talking to it by. */
  #decline(answer: IncomingMessage): void {
    this.#answered = true
    const status = answer.statusCode ?? 502
    this.#picked?.traffic.answered(status, performance.now() - this.#startedAt)
    const res = this.#response()
    const { headers } = answerHeaders(answer.rawHeaders)
    res.writeHead(status, answer.statusMessage ?? '', [...headers, 'connection', 'close'])
    answer.on('error', () => this.#end())
    answer.pipe(res)
  }

  #failWith(reason: RefusalReason): void {
    this.#picked?.traffic.failed()
    this.#refuse(reason)
  }

  #refuse(reason: RefusalReason): void {
    this.#answered = true
    if (!this.#client.destroyed) refuse(this.#response(), reason, true)
  }

  /** The connection left node's HTTP when it asked for an upgrade; this brings one answer back onto it. */
  #response(): ServerResponse {
    const res = new ServerResponse(this.#req)
    res.shouldKeepAlive = false
    res.assignSocket(this.#req.socket)
    res.on('finish', () => this.#client.end(() => this.#end()))
    return res
  }

  /**
   * The replica is gone. Closed now, with something of the client's unread, its connection would be reset, and what the replica said last be
   * lost with it: so we say that nothing follows, and read on until the client has ended too.
   */
  #endAfterLastWords(): void {
    if (this.#over) return
    const client = this.#client
    client.unpipe()
    client.resume()
    client.end()
    const patience = setTimeout(() => client.destroy(), lastWordsMs).unref()
    client.once('close', () => clearTimeout(patience))
    this.#leave()
  }

  #end(): void {
    if (this.#over) return
    this.#client.destroy()
    this.#leave()
  }

  #leave(): void {
    this.#over = true
    this.#asking?.destroy()
    this.#replica?.destroy()
    if (!this.#picked) return
    this.#picked.traffic.activeWebSockets--
    this.#picked.endpoint.leaveWebSocket(this)
  }
}

function ignored(error: unknown): void {
  void error // because 'close' follows, and there the tunnel ends
}
