import type { Slipway } from '../slipway.ts'
import { type Api, createApp } from './app.ts'
import type { ServerEnv } from './context.ts'
import { eventReaders } from './event-readers.ts'
import { type Listening, type ListenOptions, listen } from './listen.ts'
import { type RateLimits, rateDefaults, rateLimiter } from './rate-limit.ts'

/** How a server is set up. */
export interface ServerOptions {
  /** The prefix it is mounted under: `/slipway`. Links carry it. Default: none. */
  readonly basePath?: string
  /** Requests of one token per minute. Default 600 reads and 60 writes. */
  readonly rateLimits?: Partial<RateLimits>
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
  const app = createApp({
    slipway,
    basePath: (options.basePath ?? '').replace(/\/+$/, ''),
    readers: eventReaders({ bus: slipway.bus, end: closing.signal, log: slipway.log }, () =>
      slipway.store.events.lastSeq(),
    ),
    limiter: rateLimiter({ ...rateDefaults, ...options.rateLimits }, slipway.clock),
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
      const listening = await listen(fetch, where)
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
