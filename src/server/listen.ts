import { once } from 'node:events'
import { createServer as createHttp, type Server as HttpServer, ServerResponse } from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import { type AddressInfo, isIPv6 } from 'node:net'
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { messageOf, SlipwayError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { ServerEnv } from './context.ts'
import { isLoopback } from './from-here.ts'
import { followTls, readTls, type TlsOptions } from './tls.ts'

/** Where a server listens. */
export interface ListenOptions {
  /** Default 127.0.0.1. Any other address than this machine's own needs `tls`, or the word that a proxy does it. */
  readonly host?: string
  /** Default: any free one. */
  readonly port?: number
  readonly tls?: TlsOptions
  /** A proxy in front of it ends TLS, and nobody reaches it but through the proxy. */
  readonly behindProxy?: boolean
  /** How long what is under way may take once it is closed, milliseconds. Default 10 000. */
  readonly closeMs?: number
}

/** A server that listens. */
export interface Listening {
  readonly url: string
  readonly port: number
  /** Takes no more requests, and resolves when those under way were answered or their time is over. */
  close(): Promise<void>
}

/** Opens a port for these answers. Throws `invalid_request` for an address that strangers could listen in on, `unavailable` when it can't be had. */
export async function listen(
  fetch: (request: Request, connection: ServerEnv['Bindings']) => Response | Promise<Response>,
  { host = '127.0.0.1', port = 0, tls, behindProxy = false, closeMs = 10_000 }: ListenOptions,
  log: Log,
): Promise<Listening> {
  if (!isLoopback(host) && !tls && !behindProxy) {
    throw new SlipwayError('invalid_request', `On ${host} tokens would travel in the clear.`, {
      next: 'Give it `tls`, listen on 127.0.0.1, or say `behindProxy: true` when a proxy ends TLS in front of it.',
    })
  }
  const listener = getRequestListener(answered(fetch), { overrideGlobalObjects: false })
  // Whoever sends a request by drops is cut off; a stream is an answer, and may last.
  const limits = { requestTimeout: 30_000, headersTimeout: 15_000, maxHeaderSize: 32_768 }
  const answering = (...of: Parameters<typeof listener>): void => void listener(...of)
  const server: HttpServer = tls
    ? createHttps({ ...readTls(tls), minVersion: 'TLSv1.2', ...limits }, answering)
    : createHttp(limits, answering)
  const stopFollowing = tls ? followTls(tls, server as HttpsServer, log) : () => {}
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    stopFollowing()
    throw new SlipwayError('unavailable', `The server can't listen on ${host}:${port}: ${messageOf(error)}.`, {
      next: 'Take another port, or end what listens there.',
      cause: error,
    })
  }
  const { port: actual } = server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${actual}`,
    port: actual,
    close: () => {
      stopFollowing()
      return (closed ??= closeServer(server, closeMs))
    },
  }
}

type Fetch = Parameters<typeof listen>[0]

/** The same answers, but that who makes one may take the connection over to write its body. */
function answered(fetch: Fetch) {
  return async (request: Request, { incoming, outgoing }: HttpBindings | Http2Bindings): Promise<Response> => {
    if (request.method !== 'GET' || !(outgoing instanceof ServerResponse)) {
      return await fetch(request, { incoming, outgoing })
    }
    let begin: ((response: ServerResponse) => void) | undefined
    const takeOver = (taker: typeof begin): void => void (begin = taker)
    const response = await fetch(request, { incoming, outgoing, takeOver })
    if (!begin || response.status !== 200) return response
    // It ends with its connection, so it is not cut into chunks: each would be three writes for every reader of every message.
    outgoing.removeHeader('Transfer-Encoding')
    outgoing.writeHead(200, { ...Object.fromEntries(response.headers), Connection: 'close' })
    begin(outgoing)
    return RESPONSE_ALREADY_SENT
  }
}

async function closeServer(server: HttpServer, closeMs: number): Promise<void> {
  const gone = once(server, 'close')
  server.close()
  // A connection whose last answer has just ended is idle too, and would be kept for a while.
  const idle = setInterval(() => server.closeIdleConnections(), 50).unref()
  const cut = setTimeout(() => server.closeAllConnections(), closeMs).unref()
  await gone
  clearTimeout(cut)
  clearInterval(idle)
}
