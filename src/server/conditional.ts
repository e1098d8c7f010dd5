import { createHash } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { canonicalJson } from '../deploy/revision.ts'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv } from './context.ts'

/** The version of a thing, as an ETag: equal things, equal tags. */
export function etagOf(thing: unknown): string {
  return `"${createHash('sha256').update(canonicalJson(thing)).digest('base64url').slice(0, 22)}"`
}

/** Answers with the version the handler told, and with 304 when the caller has it already. */
export function conditional(): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    await next()
    const { etag } = c.var
    if (etag === undefined || c.res.status !== 200) return
    c.res.headers.set('ETag', etag)
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return
    const known = c.req.header('If-None-Match')
    if (known === undefined || !matches(known, etag)) return
    const headers = new Headers(c.res.headers)
    headers.delete('Content-Type')
    headers.delete('Content-Length')
    c.res = new Response(null, { status: 304, headers })
  }
}

/**
 * A check that a change is made to the version the caller saw.
 *
 * @throws SlipwayError `precondition_required` at once when the request names none; the check throws `precondition_failed`
 */
export function ifMatch(c: Context<ServerEnv>): (now: string) => void {
  const wanted = c.req.header('If-Match')
  if (wanted === undefined) {
    throw new SlipwayError('precondition_required', 'A change names the version it was made for.', {
      next: 'Read the thing, and send its ETag as If-Match.',
    })
  }
  return now => {
    if (wanted.trim() === '*' || matches(wanted, now)) return
    throw new SlipwayError('precondition_failed', 'It was changed since the version named with If-Match.', {
      next: 'Read it again, and decide again.',
      details: { etag: now },
    })
  }
}

function matches(list: string, etag: string): boolean {
  return list.split(',').some(item => item.trim().replace(/^W\//, '') === etag)
}
