import type { Call } from './call.ts'
import type { AskOptions, CallOptions, ChangeOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf, type Known } from './read.ts'
import type { CreateToken, IssuedToken, PageQuery, RotateToken, Token } from './types.ts'
import { etagOf } from './versions.ts'

/** Tokens. A secret is shown once: when its answer is lost on the way, the repetition fails with `secret_already_shown`; rotate it then. */
export interface TokensClient {
  /** Newest first. */
  list(query?: PageQuery, options?: CallOptions): Pages<Token>
  create(token: CreateToken, options?: AskOptions): Promise<IssuedToken>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<Token>, options?: CallOptions): Promise<Token>
  /** Makes it good for nothing, at once. */
  revoke(of: Known, options?: ChangeOptions): Promise<Token>
  /** A new secret for the same token; the old one is good a while longer. */
  rotate(id: string, how?: RotateToken, options?: AskOptions): Promise<IssuedToken>
}

/** The tokens of a server. */
export function tokens(call: Call): TokensClient {
  return {
    list: (query, options) => pagesOf(query, query => call('GET /v1/tokens', { query, options })),
    create: (body, options) => call('POST /v1/tokens', { body, options }),
    get: (of, options) =>
      call('GET /v1/tokens/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    revoke: (of, options) =>
      call('DELETE /v1/tokens/{id}', { path: { id: idOf(of) }, ifMatch: options?.ifMatch ?? etagOf(of), options }),
    rotate: (id, body = {}, options) => call('POST /v1/tokens/{id}/rotate', { path: { id }, body, options }),
  }
}
