import type { Slipway } from '../slipway.ts'
import { type Api, createApp } from './app.ts'
import type { ServerEnv } from './context.ts'
import { eventReaders } from './event-readers.ts'
import { failures } from './failures.ts'
import { type Listening, type ListenOptions, listen } from './listen.ts'
import { openStreams } from './open-streams.ts'
import { type RateLimits, rateDefaults, rateLimiter } from './rate-limit.ts'

/** How a server is set up. */
export interface ServerOptions {
  /** The prefix it is mounted under: `/slipway`. Links carry it. Default: none. */
  readonly basePath?: string
  /** Requests of one token per minute, and of one address that are not authenticated. Default 600 reads, 60 writes, 60 failures. */
  readonly rateLimits?: Partial<RateLimits>
  /**
   * Addresses and networks of proxies in front: from them, and from nobody else, `X-Forwarded-For` is believed. Default: none.
   *
   * @example
   * trustedProxies: ['10.0.0.0/8']
   */
  readonly trustedProxies?: readonly string[]
  /** Origins whose pages may use the API: `https://console.example`. Default: none. */
  readonly allowedOrigins?: readonly string[]
  /** Streams that one token may have open. Default 2 000. */
  readonly maxStreams?: number
  /** Time between two comments on a stream, milliseconds. Default 15 000. */
  readonly beatMs?: number
  /**
   * Tells `/metrics` to programs of this machine without a token. Everybody who can log in here sees the names of all tenants then; what comes
   * through a proxy needs a token all the same. Default false.
   */
  readonly metricsOnLoopback?: boolean
}

/** The response that a request is answered with, for servers of Node: its connection is closed when nobody reads. */
export type Connection = ServerEnv['Bindings']

/** The HTTP API of one Slipway. */
export interface Server {
  readonly app: Api
  /** Answers a web-standard request; mounts in any server. */
  fetch(request: Request, connection?: Connection): Response | Promise<Response>
  /** Opens a port of its own. Throws `invalid_request` for an address that strangers reach without TLS. */
  listen(options?: ListenOptions): Promise<Listening>
  /** Ends the streams, and the ports it opened once what is under way was answered. Slipway itself goes on. */
  close(): Promise<void>
}

/**
 * Serves a Slipway over HTTP. Who may do what is decided by tokens; nothing of the logic is here.
 *
 * @example
 * const server = createServer(await createSlipway())
 * const { url } = await server.listen({ port: 7420 })
 */
export function createServer(slipway: Slipway, options: ServerOptions = {}): Server {
  const closing = new AbortController()
  const opened = new Set<Listening>()
  const limiter = rateLimiter({ ...rateDefaults, ...options.rateLimits }, slipway.clock)
  const app = createApp({
    slipway,
    basePath: (options.basePath ?? '').replace(/\/+$/, ''),
    readers: eventReaders({ bus: slipway.bus, end: closing.signal, log: slipway.log }, () =>
      slipway.store.events.lastSeq(),
    ),
    limiter,
    failures: failures(limiter),
    streams: openStreams(options.maxStreams),
    trustedProxies: options.trustedProxies ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
    log: slipway.log,
    beatMs: options.beatMs ?? 15_000,
    metricsOnLoopback: options.metricsOnLoopback ?? false,
    closing: closing.signal,
  })
  const fetch: Server['fetch'] = (request, connection = {}) => app.fetch(request, connection)
  return {
    app,
    fetch,
    async listen(where = {}) {
      const listening = await listen(fetch, where, slipway.log)
      opened.add(listening)
      return listening
    },
    async close() {
      closing.abort()
      await Promise.all([...opened].map(listening => listening.close()))
      opened.clear()
    },
  }
}
