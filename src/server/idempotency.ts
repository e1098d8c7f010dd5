import { createHash, createHmac } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { Claims } from '../auth/auth.ts'
import { timestamp } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import type { KeptAnswer, KeptRequest } from '../idempotency/requests.ts'
import type { ServerEnv, ServerParts } from './context.ts'

const keptMs = 24 * 3_600_000
const sweepMs = 3_600_000
/** Headers of an answer that are part of what it says. */
const keptHeaders = ['content-type', 'location', 'link', 'etag']

/**
 * A POST with an Idempotency-Key is done once: sent again within 24 h it gets the same answer. Only what was done is kept; a refusal
 * wrote nothing, so the same request may be tried again.
 */
export function idempotency({ slipway }: ServerParts): MiddlewareHandler<ServerEnv> {
  const { requests } = slipway.store
  const now = (): number => slipway.clock.now()
  let swept = Number.NEGATIVE_INFINITY
  return async (c, next) => {
    const key = c.req.header('Idempotency-Key')
    if (c.req.method !== 'POST' || key === undefined || c.var.claims === undefined) return await next()
    requireKey(key)
    if (now() - swept >= sweepMs) {
      swept = now()
      await requests.forget(timestamp(swept - keptMs))
    }
    // The key itself is not kept: it is random, so whoever reads the store can't search for the body that the digest is of.
    const id = createHash('sha256')
      .update(JSON.stringify([...whose(c.var.claims), key]))
      .digest('hex')
    const { search } = new URL(c.req.url)
    const digest = createHmac('sha256', key)
      .update(`${c.req.path}${search}\n`)
      .update(await c.req.text())
      .digest('hex')
    const kept = await requests.begin(id, digest, timestamp(now()))
    if (kept) {
      c.res = replay(kept, digest)
      return
    }
    try {
      await next()
    } catch (error) {
      await requests.drop(id)
      throw error
    }
    if (c.res.status >= 200 && c.res.status < 300) await requests.finish(id, await toKeep(c.res, c.var.secretOf))
    else await requests.drop(id)
  }
}

/** Whose key it is. Two issuers may call different callers alike, and one may call those alike whose rules are not. */
function whose({ tenantId, tokenId, issuer, subject, scopes, instances }: Claims): unknown[] {
  return tokenId === undefined ? [tenantId, issuer, subject, scopes, instances] : [tenantId, tokenId]
}

function requireKey(key: string): void {
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return
  throw new SlipwayError('invalid_request', 'The Idempotency-Key is not 1 to 255 visible ASCII characters.', {
    next: 'Send a random UUID.',
  })
}

async function toKeep(response: Response, secretOf: string | undefined): Promise<KeptAnswer> {
  if (secretOf !== undefined) return { kind: 'secret', id: secretOf }
  const headers = keptHeaders.flatMap(name => {
    const value = response.headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return {
    kind: 'answer',
    status: response.status,
    headers: Object.fromEntries(headers),
    body: await response.clone().text(),
  }
}

function replay({ digest: before, begunAt, answer }: KeptRequest, digest: string): Response {
  if (before !== digest) {
    throw new SlipwayError('idempotency_key_reused', 'This Idempotency-Key came with another request before.', {
      next: 'Take a new key for a new request.',
    })
  }
  if (!answer) {
    throw new SlipwayError(
      'idempotency_in_flight',
      `The request with this Idempotency-Key was begun at ${begunAt} and has not ended.`,
      {
        next: 'Send it again in a moment. If the server was restarted meanwhile, look whether it was done, and take a new key.',
        details: { retry_after_seconds: 1 },
      },
    )
  }
  if (answer.kind === 'secret') {
    throw new SlipwayError('secret_already_shown', `It was done, and the secret of ${answer.id} is shown only once.`, {
      next: 'Rotate it to get a new one.',
      details: { id: answer.id },
    })
  }
  const body = answer.body === '' ? null : answer.body
  return new Response(body, { status: answer.status, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } })
}
