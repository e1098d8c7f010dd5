import type { ServerResponse } from 'node:http'
import type { Claims } from '../auth/auth.ts'
import type { Log } from '../observe/log.ts'
import type { Acting, Slipway } from '../slipway.ts'
import type { EventReaders } from './event-readers.ts'
import type { Failures } from './failures.ts'
import type { OpenStreams } from './open-streams.ts'
import type { RateLimiter } from './rate-limit.ts'

/** What every handler has at hand. */
export interface ServerParts {
  readonly slipway: Slipway
  /** In front of every link, without a slash at its end. */
  readonly basePath: string
  readonly limiter: RateLimiter
  /** Tells who listens what happens. */
  readonly readers: EventReaders
  readonly failures: Failures
  /** How many streams each caller has open. */
  readonly streams: OpenStreams
  /** Proxies whose word on where a request comes from is taken. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  readonly log: Log
  /** A comment goes to every stream that often, so that nobody takes it for dead. */
  readonly beatMs: number
  /** Whether `/metrics` is told to programs of this machine without a token. */
  readonly metricsOnLoopback: boolean
  /** Aborted when the server closes: streams end. */
  readonly closing: AbortSignal
}

/** What is known of one request. */
export interface ServerEnv {
  Bindings: {
    /** The response on its connection, where the request came over one. */
    outgoing?: { destroy(): unknown }
    /** The request on its connection, likewise. */
    incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } | undefined }
    /** Where a server can do it: whoever calls it writes the body by themselves, once they are given the response with the head of the answer sent. */
    takeOver?: (begin: (response: ServerResponse) => void) => void
  }
  Variables: {
    requestId: string
    /** Where the request comes from, by what trusted proxies say; undefined where it came over no connection of ours. */
    remoteAddress: string | undefined
    /** Set by the guard, on every route but the open ones. */
    claims: Claims
    acting: Acting
    token: string
    /** The version of the thing that is answered with, for its ETag. */
    etag?: string
    /** The answer carries a secret of this thing: it is not kept. */
    secretOf?: string
  }
}
