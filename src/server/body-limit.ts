import type { Context, MiddlewareHandler } from 'hono'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv } from './context.ts'
import { isTooDeep, maxNesting } from './nesting.ts'

/** The most a request's body may hold. */
export const maxBodyBytes = 1024 * 1024
/** So much of a body that is too large is still taken, and thrown away: whoever has not finished sending may not hear the answer. */
const heardOutBytes = 16 * maxBodyBytes

/**
 * Refuses bodies that are too large, whether or not they tell their length, that are not JSON, and that are nested too deep to be walked
 * through. An empty one counts as none, whatever its type is said to be: it is left out where it may be.
 */
export function bodyLimit(): MiddlewareHandler<ServerEnv> {
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return await next()
    if (Number(c.req.header('Content-Length') ?? 0) > heardOutBytes) throw tooLarge()
    const bytes = await readBody(c)
    const { method } = c.req.raw
    const headers = new Headers(c.req.raw.headers)
    if (bytes.length > 0) requireJson(c)
    else headers.delete('Content-Type')
    if (isTooDeep(bytes)) throw tooDeep()
    c.req.raw = new Request(c.req.url, { method, headers, ...(bytes.length > 0 ? { body: bytes } : {}) })
    await next()
  }
}

async function readBody({ req }: Context<ServerEnv>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of req.raw.body ?? []) {
    length += chunk.length
    if (length > heardOutBytes) throw tooLarge()
    if (length <= maxBodyBytes) chunks.push(chunk)
  }
  if (length > maxBodyBytes) throw tooLarge()
  return new Uint8Array(Buffer.concat(chunks, length))
}

function requireJson({ req }: Context<ServerEnv>): void {
  const type = req.header('Content-Type')
  if (type !== undefined && /^application\/json(?:\s*;.*)?$/i.test(type)) return
  throw new SlipwayError('unsupported_media_type', `The body is ${type ?? 'of no type'}, not application/json.`, {
    next: 'Send JSON, and say so with `Content-Type: application/json`.',
  })
}

function tooDeep(): SlipwayError {
  return new SlipwayError('invalid_request', `The body is nested more than ${maxNesting} levels deep.`, {
    next: 'Send it flatter.',
  })
}

function tooLarge(): SlipwayError {
  return new SlipwayError('body_too_large', `The body is larger than ${maxBodyBytes} bytes.`, {
    next: 'Send less at once.',
  })
}
