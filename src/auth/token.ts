import type { Timestamp } from '../clock.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { Scope } from './auth.ts'

/** What is known of a token, apart from the token itself. */
export interface Token {
  readonly id: string
  readonly createdAt: Timestamp
  /** The tenant it is for, `*` for an operator's. */
  readonly tenantId: string
  /** Whom it speaks for: the subject of what is done with it. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Ids of the instances it is for. Absent: all. */
  readonly instances?: readonly string[]
  /** Addresses and networks (CIDR) it may be used from. Absent: anywhere. */
  readonly allowedIps?: readonly string[]
  readonly createdBy: string
  readonly expiresAt: Timestamp
  /** To within a minute. */
  readonly lastUsedAt?: Timestamp
  readonly rotatedAt?: Timestamp
  readonly revokedAt?: Timestamp
}

/** Keeps tokens, by their hash. */
export interface TokenStore {
  insert(token: Token, hash: string): Promise<void>
  /** The token that has this hash now, or had it until it was rotated and still may be used at `at`. */
  byHash(hash: string, at: Timestamp): Promise<Token | undefined>
  get(tenantId: string, id: string): Promise<Token | undefined>
  /** Newest first, revoked and expired ones included. */
  list(tenantId: string, options?: ListOptions): Promise<Page<Token>>
  used(id: string, at: Timestamp): Promise<void>
  /** The old hash is good until `until`. Says whether it did: not for a token that was revoked or rotated since `seen`. */
  rotate(seen: Token, hash: string, at: Timestamp, until: Timestamp, expiresAt: Timestamp): Promise<boolean>
  /** Stamps it, once. */
  revoke(tenantId: string, id: string, at: Timestamp): Promise<void>
  /** Stamps all of a tenant. */
  revokeAll(tenantId: string, at: Timestamp): Promise<void>
}
