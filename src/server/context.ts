import type { Claims } from '../auth/auth.ts'
import type { Acting, Log, Slipway } from '../slipway.ts'
import type { Failures } from './failures.ts'
import type { RateLimiter } from './rate-limit.ts'

/** What every handler has at hand. */
export interface ServerParts {
  readonly slipway: Slipway
  /** In front of every link, without a slash at its end. */
  readonly basePath: string
  readonly limiter: RateLimiter
  readonly failures: Failures
  /** Proxies whose word on where a request comes from is taken. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may use the API. */
  readonly allowedOrigins: readonly string[]
  readonly log: Log
  /** A comment goes to every stream that often, so that nobody takes it for dead. */
  readonly beatMs: number
  /** Aborted when the server closes: streams end. */
  readonly closing: AbortSignal
}

/** What is known of one request. */
export interface ServerEnv {
  Bindings: {
    /** The response on its connection, where the request came over one. */
    outgoing?: { destroy(): unknown }
    /** The request on its connection, whose other end is where it comes from. */
    incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } | undefined }
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
