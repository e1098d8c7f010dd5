import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Connection } from './connections.ts'
import type { InFlight, LiveEndpoint } from './endpoint.ts'
import { answerHeaders, forwardedHeaders, hasBody } from './headers.ts'
import { type RefusalReason, refusalStatus, refuse } from './refusal.ts'
import { requestBody } from './request-body.ts'
import type { Pick, Picker } from './service.ts'

/** What an exchange needs to know of the process it happens in. */
export interface Plane {
  /** Who answers this request, by the tables in use now. */
  route(req: IncomingMessage): Picker | undefined
  /** A newer process has taken over: clients are asked to connect again. */
  readonly leaving: boolean
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
/** How often a request that was sent and got no byte back is sent again. */
const maxResends = 2

/** Forwards one request. It is counted in flight in the same tick in which its replica is picked, so no drain can miss it. */
export function exchange(plane: Plane, req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
  new Exchange(plane, req, res, expectsContinue).begin()
}

/** One request on its way: the handler of its answer, the retries before it, and its place in the counts. */
class Exchange implements Dispatcher.DispatchHandler, InFlight {
  readonly #plane: Plane
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #expectsContinue: boolean
  readonly #hasBody: boolean
  readonly #startedAt = performance.now()
  #picked: Pick | undefined
  #edge = true
  #connection: Connection | undefined
  #tried: Set<LiveEndpoint> | undefined
  #resends = 0
  #bodyTouched = false
  /** Of this attempt: the connection stood and the request was written; a byte came back. */
  #sent = false
  #heard = false
  #headSent = false
  #keeps = false
  #bodyBegun = false
  #waitsForDrain = false
  #over = false

  constructor(plane: Plane, req: IncomingMessage, res: ServerResponse, expectsContinue: boolean) {
    this.#plane = plane
    this.#req = req
    this.#res = res
    this.#expectsContinue = expectsContinue
    this.#hasBody = hasBody(req)
  }

  begin(): void {
    const picker = this.#plane.route(this.#req)
    if (!picker) return this.#refuse('unknown_host')
    if (this.#req.url?.[0] !== '/') return this.#refuse('bad_request')
    const picked = picker.pick(this.#req.headers.cookie)
    if (!picked) return this.#refuse('no_replica')
    this.#edge = picker.edge
    this.#enter(picked)
    this.#res.on('close', () => this.#clientLeft())
    this.#attempt(false)
  }

  /** The deadline of its replica's drain has come. */
  cut(): void {
    this.#fail('cut')
  }

  onRequestStart(): void {
    this.#sent = true
  }

  onResponseStarted(): void {
    this.#heard = true
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    // Informational answers concern the connection they came on.
    if (status < 200 || this.#over) return
    const { headers, keeps, announcedMs } = answerHeaders((controller.rawHeaders ?? []) as Buffer[])
    this.#keeps = keeps && this.#req.method !== 'HEAD'
    if (this.#connection) this.#connection.announcedMs = announcedMs
    if (this.#picked?.setCookie !== undefined) headers.push('set-cookie', this.#picked.setCookie)
    if (this.#plane.leaving) headers.push('connection', 'close')
    this.#picked?.traffic.answered(status, performance.now() - this.#startedAt)
    this.#headSent = true
    this.#res.writeHead(status, statusMessage ?? '', headers)
    // Most answers bring their body along and leave in one packet; a head that comes alone must not wait for it.
    process.nextTick(flushHead, this.#res, this)
  }

  get bodyBegun(): boolean {
    return this.#bodyBegun
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    this.#bodyBegun = true
    if (this.#res.write(chunk)) return
    controller.pause()
    if (this.#waitsForDrain) return
    this.#waitsForDrain = true
    this.#res.once('drain', () => {
      this.#waitsForDrain = false
      controller.resume()
    })
  }

  onResponseEnd(
    _controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over) return
    this.#bodyBegun = true
    for (const name in trailers) this.#res.addTrailers({ [name]: String(trailers[name]) })
    this.#res.end()
    this.#leave(this.#keeps)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return
    if (this.#headSent) return this.#fail('broken')
    if (!this.#sent) return this.#elsewhere('unreachable')
    if (isTimeout(error)) return this.#fail('timeout')
    const repeatable = idempotent.has(this.#req.method ?? '') && !this.#bodyTouched && !this.#heard
    if (!repeatable || this.#resends++ >= maxResends) return this.#fail('broken')
    // A connection that was kept may have been closed by the replica just as we wrote: that says nothing about the replica.
    if (this.#connection?.fresh === false && this.#picked?.endpoint.serving) return this.#attempt(true)
    this.#elsewhere('broken')
  }

  #enter(picked: Pick): void {
    this.#picked = picked
    picked.endpoint.requests.add(this)
    picked.traffic.active++
    picked.traffic.lastRoutedAt = Date.now()
  }

  #attempt(again: boolean): void {
    const { endpoint } = this.#picked as Pick
    const { connections } = endpoint
    if (again && this.#connection) connections.drop(this.#connection)
    const once = this.#hasBody || !idempotent.has(this.#req.method ?? '')
    const connection = again ? connections.takeFresh() : connections.take(once)
    this.#connection = connection
    this.#sent = false
    this.#heard = false
    connection.client.dispatch(
      {
        path: this.#req.url ?? '/',
        method: this.#req.method as Dispatcher.HttpMethod,
        headers: forwardedHeaders(this.#req, this.#edge),
        body: this.#hasBody ? requestBody(this.#req, () => this.#touchBody()) : null,
      },
      this,
    )
  }

  #touchBody(): void {
    if (!this.#bodyTouched && this.#expectsContinue && !this.#over) this.#res.writeContinue()
    this.#bodyTouched = true
  }

  /** The replica picked last did not take the request; gives it to another, or answers `reason`. */
  #elsewhere(reason: RefusalReason): void {
    const last = this.#picked as Pick
    last.endpoint.suspect()
    this.#tried ??= new Set()
    this.#tried.add(last.endpoint)
    const picker = this.#plane.route(this.#req)
    const next = picker?.pick(this.#req.headers.cookie, this.#tried)
    if (!picker || !next) return this.#fail(reason)
    if (next.traffic !== last.traffic) last.traffic.failed()
    this.#dropConnection()
    this.#edge = picker.edge
    this.#enter(next)
    last.traffic.active--
    last.endpoint.leaveRequest(this)
    this.#attempt(false)
  }

  /** Ends the exchange without a whole answer: with one of ours while there is still time, else by breaking off. */
  #fail(reason: RefusalReason): void {
    if (this.#over) return
    if (this.#headSent) {
      this.#picked?.traffic.broke()
      this.#res.destroy()
    } else {
      this.#picked?.traffic.failed()
      this.#refuse(reason)
    }
    this.#leave(false)
  }

  #refuse(reason: RefusalReason): void {
    // A body that was not read, or not to its end, would be taken for the next request.
    const unread = this.#hasBody && !this.#req.complete
    refuse(this.#res, reason, unread || this.#plane.leaving || refusalStatus(reason) === 400)
    if (unread) this.#req.resume()
  }

  #clientLeft(): void {
    if (!this.#over) this.#leave(false)
  }

  #leave(reusable: boolean): void {
    this.#over = true
    const { endpoint, traffic } = this.#picked as Pick
    if (this.#connection && reusable) endpoint.connections.give(this.#connection, true)
    else this.#dropConnection()
    this.#connection = undefined
    traffic.active--
    endpoint.leaveRequest(this)
  }

  #dropConnection(): void {
    if (this.#connection) this.#picked?.endpoint.connections.drop(this.#connection)
    this.#connection = undefined
  }
}

function flushHead(res: ServerResponse, exchange: { readonly bodyBegun: boolean }): void {
  if (!exchange.bodyBegun && !res.destroyed) res.flushHeaders()
}

function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'UND_ERR_HEADERS_TIMEOUT'
}
