import type { Timestamp } from '../clock.ts'

/** What may be told of a secret. */
export interface SecretInfo {
  readonly name: string
  /** The version a deploy that names the service takes next. */
  readonly version: number
  readonly versions: readonly {
    readonly version: number
    readonly createdAt: Timestamp
    readonly revokedAt?: Timestamp
  }[]
}

/** Keeps secrets. Values leave it only for the replicas that need them. */
export interface Vault {
  /** Makes version 1; of a secret that was deleted, the version after its last. Throws `already_exists`. */
  store(tenantId: string, name: string, value: string): Promise<SecretInfo>
  /** Throws `unknown_secret` when there is no such secret or version, `unrestorable` when it was revoked. */
  retrieve(tenantId: string, name: string, version?: number): Promise<{ value: string; version: number }>
  /** Stages a new version: the next deploy that names a service using it takes it. Throws `unknown_secret`. */
  rotate(tenantId: string, name: string, value: string): Promise<SecretInfo>
  /** Destroys one version's value. Releases pinned to it can't be restored any more. Throws `unknown_secret`. */
  revoke(tenantId: string, name: string, version: number): Promise<SecretInfo>
  /** Destroys all versions. Throws `unknown_secret`. */
  delete(tenantId: string, name: string): Promise<void>
  list(tenantId: string): Promise<SecretInfo[]>
  /** The same vault over the store of a transaction, so that a change and what is told of it commit together. Absent for one that is kept elsewhere. */
  within?(store: SecretStore): Vault
}

/** One version of a secret as it lies in a store: sealed. */
export interface SealedSecret {
  readonly tenantId: string
  readonly name: string
  readonly version: number
  /** The row's id, the associated data of its envelope. */
  readonly id: string
  /** Absent once revoked. */
  readonly sealed?: Uint8Array
  readonly createdAt: Timestamp
  readonly revokedAt?: Timestamp
}

/** Where sealed secrets are kept. */
export interface SecretStore {
  /** Throws `already_exists` when this version is there. */
  insert(secret: SealedSecret): Promise<void>
  get(tenantId: string, name: string, version: number): Promise<SealedSecret | undefined>
  /** All versions of one secret, oldest first. */
  versions(tenantId: string, name: string): Promise<SealedSecret[]>
  list(tenantId: string): Promise<SealedSecret[]>
  /** Drops the sealed value and stamps the row. */
  revoke(tenantId: string, name: string, version: number, at: Timestamp): Promise<void>
  delete(tenantId: string, name: string): Promise<void>
}
