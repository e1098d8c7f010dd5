import type { MiddlewareHandler } from 'hono'
import { newId } from '../id.ts'
import type { ServerEnv } from './context.ts'

/** What every answer carries: its request's id, and what keeps browsers from doing anything with it. No CORS: other pages get nothing. */
export function headers(): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    const requestId = newId('req')
    c.set('requestId', requestId)
    await next()
    const { headers } = c.res
    headers.set('X-Request-Id', requestId)
    headers.set('X-Content-Type-Options', 'nosniff')
    headers.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
    headers.set('Cross-Origin-Resource-Policy', 'same-origin')
    headers.set('Referrer-Policy', 'no-referrer')
    headers.set('Strict-Transport-Security', 'max-age=31536000')
    if (!headers.has('Cache-Control'))
      headers.set('Cache-Control', headers.has('ETag') ? 'private, no-cache' : 'no-store')
  }
}
