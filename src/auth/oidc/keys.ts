import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import type { Clock } from '../../clock.ts'
import { isSlipwayError, messageOf, SlipwayError } from '../../errors.ts'
import { isSafe, type OidcIssuer } from './config.ts'

/** Bounds of what is asked of an issuer, and of how often. */
export const keyLimits = {
  /** One answer, milliseconds. */
  timeoutMs: 5_000,
  /** One answer. */
  bytes: 256 * 1024,
  /** Keys are asked for again when they are older. */
  freshMs: 10 * 60_000,
  /** For so long they are good while the issuer does not answer: a key that was withdrawn is taken no longer than that. */
  keptMs: 60 * 60_000,
  /** Between two questions because of a key that is not known. */
  coolDownMs: 30_000,
  /** Between two questions while it does not answer. */
  retryMs: 5_000,
} as const

/** The keys of one issuer: found by discovery, cached, asked for again when a token is signed with one that is not there. */
export interface KeySource {
  /** Throws `unavailable` when the issuer does not answer and no known key will do. */
  readonly keyFor: JWTVerifyGetKey
}

/** Keys from where the issuer says they are. */
export function issuerKeys({ issuer, jwksUrl }: Pick<OidcIssuer, 'issuer' | 'jwksUrl'>, clock: Clock): KeySource {
  let known: { readonly keyFor: JWTVerifyGetKey; readonly at: number } | undefined
  let failed: { readonly why: string; readonly at: number } | undefined
  let asking: Promise<void> | undefined
  const ageOf = (of: { readonly at: number } | undefined): number =>
    of ? clock.monotonic() - of.at : Number.POSITIVE_INFINITY

  async function ask(): Promise<void> {
    try {
      const keys = await json(jwksUrl ?? (await discovered(issuer)))
      known = { keyFor: createLocalJWKSet(keys as unknown as JSONWebKeySet), at: clock.monotonic() }
      failed = undefined
    } catch (error) {
      failed = { why: messageOf(error), at: clock.monotonic() }
    }
  }

  /** Asks, unless it was just asked in vain; whoever comes meanwhile waits for the same answer. */
  async function refresh(): Promise<void> {
    if (ageOf(failed) < keyLimits.retryMs) return
    await (asking ??= ask().finally(() => {
      asking = undefined
    }))
  }

  function silent(): SlipwayError {
    return new SlipwayError(
      'unavailable',
      `The keys of ${issuer} can't be had, so its token can't be checked: ${failed?.why}.`,
      {
        next: 'Send it again in a few seconds; tokens that were made here still work.',
        details: { retry_after_seconds: Math.ceil(keyLimits.retryMs / 1000) },
      },
    )
  }

  return {
    async keyFor(header, token) {
      if (ageOf(known) >= keyLimits.freshMs) await refresh()
      if (!known || ageOf(known) >= keyLimits.keptMs) throw silent()
      try {
        return await known.keyFor(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        if (ageOf(known) < keyLimits.coolDownMs && !failed) throw error
        await refresh()
        if (failed) throw silent()
        return await known.keyFor(header, token)
      }
    },
  }
}

async function discovered(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const said = await json(url)
  if (said['issuer'] !== issuer) throw new Error(`${url} is about another issuer: ${JSON.stringify(said['issuer'])}`)
  const where = said['jwks_uri']
  if (typeof where !== 'string' || !URL.canParse(where) || !isSafe(where)) {
    throw new Error(`${url} names no https address of keys`)
  }
  return where
}

/** What an address answers, within the limits of time and size, and without going anywhere else. */
async function json(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    redirect: 'error',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(keyLimits.timeoutMs),
  }).catch((error: unknown) => {
    throw new Error(`${url}: ${reasonOf(error)}`, { cause: error })
  })
  if (answer.status !== 200 || !answer.body) {
    await answer.body?.cancel()
    throw new Error(`${url} answers ${answer.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body) {
    bytes += chunk.byteLength
    if (bytes > keyLimits.bytes) throw new Error(`${url} answers more than ${keyLimits.bytes} bytes`)
    chunks.push(chunk)
  }
  const said: unknown = JSON.parse(Buffer.concat(chunks).toString())
  if (said === null || typeof said !== 'object') throw new Error(`${url} does not answer an object`)
  return said as Record<string, unknown>
}

/** What a fetch met: its cause says more than `fetch failed`. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  return isSlipwayError(error) || cause === undefined ? messageOf(error) : messageOf(cause)
}
