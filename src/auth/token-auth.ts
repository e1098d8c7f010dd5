import { type Clock, timestamp } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import { type AuthProvider, type Claims, everyTenant } from './auth.ts'
import { authorize } from './authorize.ts'
import { isWithin } from './network.ts'
import { hashOf, isWellFormed } from './secret.ts'
import type { Token, TokenStore } from './token.ts'

/** A use is written down at most this often per token. */
const usedEveryMs = 60_000

/** What an auth provider by tokens is made with. */
export interface TokenAuthOptions {
  readonly tokens: TokenStore
  readonly clock: Clock
}

/** Knows the tokens that are kept in the store. Callers in the same process are still trusted to say who they are. */
export function tokenAuth({ tokens, clock }: TokenAuthOptions): AuthProvider {
  return {
    async authenticate(secret, from = {}) {
      if (!isWellFormed(secret)) throw refused('The token is not one of ours: its form or its checksum is wrong.')
      const now = clock.now()
      const token = await tokens.byHash(hashOf(secret), timestamp(now))
      if (!token) throw refused('The token is not known here.')
      if (token.revokedAt !== undefined) throw refused('The token was revoked.')
      if (Date.parse(token.expiresAt) <= now) throw refused('The token has expired.')
      if (token.allowedIps) requireAllowed(token.allowedIps, from.remoteAddress)
      if (token.lastUsedAt === undefined || now - Date.parse(token.lastUsedAt) >= usedEveryMs) {
        await tokens.used(token.id, timestamp(now))
      }
      return claimsOf(token)
    },
    async authorize(claims, action, resource) {
      authorize(claims, action, resource)
    },
    tenantOf: claims => claims.tenantId,
  }
}

function claimsOf({ id, tenantId, name, scopes, instances }: Token): Claims {
  return {
    tenantId,
    subject: name,
    scopes,
    tokenId: id,
    ...(instances ? { instances } : {}),
    ...(tenantId === everyTenant ? { operator: true } : {}),
  }
}

/** A token that is good somewhere only is good nowhere when it is not known where it comes from. */
function requireAllowed(networks: readonly string[], address: string | undefined): void {
  if (address !== undefined && isWithin(networks, address)) return
  throw new SlipwayError('unauthenticated', `The token may not be used from ${address ?? 'an unknown address'}.`, {
    next: 'Use it from where it is for, or another one. Behind a proxy, the server has to be told to trust it.',
  })
}

function refused(why: string): SlipwayError {
  return new SlipwayError('unauthenticated', why, { next: 'Send a valid token as `Authorization: Bearer slip_…`.' })
}
