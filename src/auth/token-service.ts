import { z } from 'zod'
import { type AuditAction, audited, changesOf, type NewAuditEntry } from '../audit/entry.ts'
import { type Clock, timestamp } from '../clock.ts'
import { parse } from '../deploy/schema.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { Store } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import { newId } from '../id.ts'
import { requireThere } from '../tenant/quota.ts'
import { type AuthProvider, type Claims, everyTenant, type Scope } from './auth.ts'
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
  readonly store: Store
  readonly clock: Clock
}

type Change = Pick<NewAuditEntry, 'before' | 'after'>

/** A token service that acts for this caller. */
export function tokenService({ auth, store, clock }: TokenParts, caller: Claims): TokenService {
  const tenantId = auth.tenantOf(caller)
  const changed = (action: AuditAction, { id, name }: Token, change: Change) =>
    audited({ ...caller, tenantId }, { action, object: { kind: 'token', id, name }, ...change })
  const get = async (id: string, tokens: TokenStore = store.tokens): Promise<Token> => {
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
      return await store.transaction(async tx => {
        requireThere(await tx.tenants.get(tenantId))
        const issued = await issueToken({ ...request, tenantId, createdBy: caller.subject }, tx.tokens, clock)
        await tx.audit.append(createdToken({ ...caller, tenantId }, issued.token))
        return issued
      })
    },
    async list(options) {
      await auth.authorize(caller, 'token.read')
      return await store.tokens.list(tenantId, options)
    },
    async get(id) {
      await auth.authorize(caller, 'token.read')
      return await get(id)
    },
    async rotate(id, given = {}) {
      await auth.authorize(caller, 'token.write')
      const { overlapSeconds = tokenDefaults.overlapSeconds } = parse(rotateTokenSchema, given, 'The rotation')
      const now = clock.now()
      const secret = newSecret()
      const until = timestamp(now + overlapSeconds * 1000)
      const before = await get(id)
      const lifeMs = Date.parse(before.expiresAt) - Date.parse(before.rotatedAt ?? before.createdAt)
      const token = await store.transaction(async tx => {
        if (!(await tx.tokens.rotate(before, hashOf(secret), timestamp(now), until, timestamp(now + lifeMs)))) {
          throw new SlipwayError('token_revoked', `Token ${id} was revoked, or rotated at the same moment.`, {
            next: 'Create a new one.',
          })
        }
        const after = await get(id, tx.tokens)
        const change = changesOf({ expiresAt: before.expiresAt }, { expiresAt: after.expiresAt, overlapSeconds })
        await tx.audit.append(changed('token.rotate', after, change))
        return after
      })
      return { token, secret }
    },
    async revoke(id, check) {
      await auth.authorize(caller, 'token.write')
      return await store.transaction(async tx => {
        const before = await get(id, tx.tokens)
        check?.(before)
        if (before.revokedAt !== undefined) return before
        await tx.tokens.revoke(tenantId, id, timestamp(clock.now()))
        const after = await get(id, tx.tokens)
        await tx.audit.append(changed('token.revoke', after, { after: { revokedAt: after.revokedAt } }))
        return after
      })
    },
  }
}

/** Makes the first token of an operator. Who can call this has the data folder anyway. */
export async function issueOperatorToken(
  request: { readonly name: string; readonly expiresInDays?: number },
  store: Store,
  clock: Clock,
): Promise<IssuedToken> {
  const owner = { tenantId: everyTenant, subject: 'the owner of the data folder', scopes: [], operator: true } as const
  return await store.transaction(async tx => {
    const asked = { ...request, tenantId: everyTenant, scopes: ['admin'], createdBy: owner.subject } as const
    const issued = await issueToken(asked, tx.tokens, clock)
    await tx.audit.append(createdToken(owner, issued.token))
    return issued
  })
}

function createdToken(caller: Claims, { id, name, scopes, instances, expiresAt }: Token): NewAuditEntry {
  const object = { kind: 'token', id, name }
  return audited(caller, { action: 'token.create', object, after: { scopes, instances, expiresAt } })
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
