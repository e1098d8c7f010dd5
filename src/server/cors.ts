import type { MiddlewareHandler } from 'hono'
import { cors as honoCors } from 'hono/cors'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv } from './context.ts'

/** Lets pages of these origins use the API, with a token they send themselves: cookies never count. Throws `invalid_request` for what is no origin. */
export function cors(origins: readonly string[]): MiddlewareHandler<ServerEnv> {
  for (const origin of origins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue
    throw new SlipwayError('invalid_request', `${JSON.stringify(origin)} in allowedOrigins is no origin.`, {
      next: 'Name each one, as https://console.example; there is no word for all of them.',
    })
  }
  return honoCors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'If-None-Match', 'Last-Event-ID'],
    exposeHeaders: ['ETag', 'Link', 'Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  })
}
