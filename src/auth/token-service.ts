import { z } from 'zod'
import { type Clock, timestamp } from '../clock.ts'
import { parse } from '../deploy/schema.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import { SlipwayError } from '../errors.ts'
import { newId } from '../id.ts'
import { requireThere } from '../tenant/quota.ts'
import type { TenantStore } from '../tenant/store.ts'
import type { AuthProvider, Claims, Scope } from './auth.ts'
import { isNetwork } from './network.ts'
import { withImplied } from './scopes.ts'
import { hashOf, newSecret } from './secret.ts'
import type { Token, TokenStore } from './token.ts'

const dayMs = 24 * 3_600_000

/** How long tokens live, and their old secrets after a rotation. */
export const tokenDefaults = { expiresInDays: 90, overlapSeconds: 3600 } as const

/** A new token. */
export const createTokenSchema = z.strictObject({
  /** Whom it speaks for; the subject of what is done with it. */
  name: z.string().regex(/^[\w.:@/ -]{1,100}$/, 'must be 1 to 100 letters, digits, blanks or one of _ . : @ / -'),
  /** What it may do; `deploy` takes in `read`, and `admin` both. */
  scopes: z
    .array(z.enum(['read', 'deploy', 'admin']))
    .min(1)
    .max(3),
  /** Ids of the instances it is for. Default: all. */
  instances: z
    .array(z.string().regex(/^inst_[0-9a-z]{26}$/, 'must be the id of an instance'))
    .min(1)
    .max(100)
    .optional(),
  /** Addresses and networks it may be used from: `10.0.0.7`, `10.0.0.0/8`. Default: anywhere. */
  allowedIps: z
    .array(z.string().max(50).refine(isNetwork, 'must be an address or a network, such as 10.0.0.0/8'))
    .min(1)
    .max(100)
    .optional(),
  expiresInDays: z.number().int().min(1).max(366).optional(),
})

/** What is asked of a rotation. */
export const rotateTokenSchema = z.strictObject({
  /** How long the old secret is good beside the new one. */
  overlapSeconds: z
    .number()
    .int()
    .min(0)
    .max(7 * 24 * 3600)
    .optional(),
})

export type CreateTokenRequest = z.input<typeof createTokenSchema>
export type RotateTokenRequest = z.input<typeof rotateTokenSchema>

/** A token with what to send for it, which is told this once. */
export interface IssuedToken {
  readonly token: Token
  readonly secret: string
}

/** Tokens of a tenant, as one caller may handle them. */
export interface TokenService {
  create(request: CreateTokenRequest): Promise<IssuedToken>
  /** Newest first. */
  list(options?: ListOptions): Promise<Page<Token>>
  get(id: string): Promise<Token>
  /** A new secret for the same token, and as much time again as it had; the old secret is good a while longer. */
  rotate(id: string, request?: RotateTokenRequest): Promise<IssuedToken>
  /** It is good for nothing any more, at once. A second time changes nothing. */
  revoke(id: string, check?: (token: Token) => void): Promise<Token>
}

interface TokenParts {
  readonly auth: AuthProvider
  readonly tokens: TokenStore
  readonly clock: Clock
  readonly tenants: Pick<TenantStore, 'get'>
}

/** A token service that acts for this caller. */
export function tokenService({ auth, tokens, clock, tenants }: TokenParts, caller: Claims): TokenService {
  const tenantId = auth.tenantOf(caller)
  const get = async (id: string): Promise<Token> => {
    const token = await tokens.get(tenantId, id)
    if (token) return token
    throw new SlipwayError('not_found', `There is no token ${JSON.stringify(id)}.`, {
      next: 'List the tokens to see which there are.',
    })
  }
  return {
    async create(given) {
      await auth.authorize(caller, 'token.write')
      const request = parse(createTokenSchema, given, 'The token')
      requireThere(await tenants.get(tenantId))
      return await issueToken({ ...request, tenantId, createdBy: caller.subject }, tokens, clock)
    },
    async list(options) {
      await auth.authorize(caller, 'token.read')
      return await tokens.list(tenantId, options)
    },
    async get(id) {
      await auth.authorize(caller, 'token.read')
      return await get(id)
    },
    async rotate(id, given = {}) {
      await auth.authorize(caller, 'token.write')
      const { overlapSeconds = tokenDefaults.overlapSeconds } = parse(rotateTokenSchema, given, 'The rotation')
      const token = await get(id)
      const now = clock.now()
      const lifeMs = Date.parse(token.expiresAt) - Date.parse(token.rotatedAt ?? token.createdAt)
      const secret = newSecret()
      const until = timestamp(now + overlapSeconds * 1000)
      if (await tokens.rotate(token, hashOf(secret), timestamp(now), until, timestamp(now + lifeMs))) {
        return { token: await get(id), secret }
      }
      throw new SlipwayError('token_revoked', `Token ${id} was revoked, or rotated at the same moment.`, {
        next: 'Create a new one.',
      })
    },
    async revoke(id, check) {
      await auth.authorize(caller, 'token.write')
      check?.(await get(id))
      await tokens.revoke(tenantId, id, timestamp(clock.now()))
      return await get(id)
    },
  }
}

/** Makes a token and writes it down. */
export async function issueToken(
  request: {
    readonly tenantId: string
    readonly name: string
    readonly scopes: readonly Scope[]
    readonly instances?: readonly string[]
    readonly allowedIps?: readonly string[]
    readonly expiresInDays?: number
    readonly createdBy: string
  },
  tokens: TokenStore,
  clock: Clock,
): Promise<IssuedToken> {
  const { expiresInDays = tokenDefaults.expiresInDays, scopes, ...rest } = request
  const secret = newSecret()
  const now = clock.now()
  const token: Token = {
    ...rest,
    id: newId('tok'),
    createdAt: timestamp(now),
    scopes: withImplied(scopes),
    expiresAt: timestamp(now + expiresInDays * dayMs),
  }
  await tokens.insert(token, hashOf(secret))
  return { token, secret }
}
