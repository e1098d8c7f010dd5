import { type Clock, systemClock, timestamp } from '../clock.ts'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import { newId } from '../id.ts'
import { keyBytes, open, seal } from './envelope.ts'
import type { SealedSecret, SecretInfo, SecretStore, Vault } from './vault.ts'

/** The most a secret's value may be, bytes of UTF-8. */
export const maxSecretBytes = 64 * 1024

/** What an envelope vault is made with. */
export interface EnvelopeVaultOptions {
  readonly store: SecretStore
  /** 32 bytes; see `masterKey`. */
  readonly masterKey: Buffer
  readonly clock?: Clock
}

/**
 * A vault that keeps secrets sealed in a store: AES-256-GCM, a data key per version, wrapped by the master key. Version numbers are never
 * used again: a secret that is stored after it was deleted goes on counting, so no release that is pinned to an old version finds
 * another value under it. A secret is there while a version of it is.
 */
export function envelopeVault({ store, masterKey, clock = systemClock }: EnvelopeVaultOptions): Vault {
  if (masterKey.length !== keyBytes) {
    throw new SlipwayError('invalid_request', `A master key has ${keyBytes} bytes, not ${masterKey.length}.`, {
      next: 'Make one with: openssl rand -base64 32',
    })
  }

  const living = async (tenantId: string, name: string): Promise<SealedSecret[]> => {
    const versions = await store.versions(tenantId, name)
    if (!versions.some(isLive)) throw unknownSecret(name)
    return versions
  }
  const insert = async (tenantId: string, name: string, version: number, value: string) => {
    const row = { id: newId('sec'), tenantId, name, version, createdAt: timestamp(clock.now()) }
    await store.insert({ ...row, sealed: seal(value, row, masterKey) })
  }
  const revoke = async (row: SealedSecret) => {
    await store.revoke(row.tenantId, row.name, row.version, timestamp(clock.now()))
  }
  const info = async (tenantId: string, name: string) => infoOf(name, await store.versions(tenantId, name))

  return {
    async store(tenantId, name, value) {
      checkName(name)
      checkValue(name, value)
      const versions = await store.versions(tenantId, name)
      const taken = () =>
        new SlipwayError('already_exists', `The tenant has a secret "${name}" already.`, {
          next: 'Rotate it to give it a new value.',
        })
      if (versions.some(isLive)) throw taken()
      try {
        await insert(tenantId, name, lastVersion(versions) + 1, value)
      } catch (error) {
        throw isSlipwayError(error, 'already_exists') ? taken() : error
      }
      return await info(tenantId, name)
    },

    async retrieve(tenantId, name, version) {
      const row =
        version === undefined
          ? (await living(tenantId, name)).findLast(isLive)
          : await store.get(tenantId, name, version)
      if (!row) throw unknownSecret(name, version)
      if (!row.sealed) {
        throw new SlipwayError('unrestorable', `Version ${row.version} of the secret "${name}" was revoked.`, {
          next: 'Deploy the service: it takes the newest version.',
          details: { revokedAt: row.revokedAt },
        })
      }
      return { value: open(row.sealed, row, masterKey), version: row.version }
    },

    async rotate(tenantId, name, value) {
      checkValue(name, value)
      for (;;) {
        const versions = await living(tenantId, name)
        try {
          await insert(tenantId, name, lastVersion(versions) + 1, value)
          return await info(tenantId, name)
        } catch (error) {
          // Somebody else rotated it in between: theirs was first, ours is the next one.
          if (!isSlipwayError(error, 'already_exists')) throw error
        }
      }
    },

    async revoke(tenantId, name, version) {
      const row = await store.get(tenantId, name, version)
      if (!row) throw unknownSecret(name, version)
      await revoke(row)
      return await info(tenantId, name)
    },

    async delete(tenantId, name) {
      for (const row of (await living(tenantId, name)).filter(isLive)) await revoke(row)
    },

    within: inside => envelopeVault({ store: inside, masterKey, clock }),

    async list(tenantId) {
      const byName = Map.groupBy(await store.list(tenantId), row => row.name)
      return [...byName]
        .filter(([, versions]) => versions.some(isLive))
        .map(([name, versions]) => infoOf(name, versions))
    },
  }
}

function isLive(row: SealedSecret): boolean {
  return row.sealed !== undefined
}

function lastVersion(versions: readonly SealedSecret[]): number {
  return versions.at(-1)?.version ?? 0
}

function infoOf(name: string, versions: readonly SealedSecret[]): SecretInfo {
  return {
    name,
    version: versions.findLast(isLive)?.version ?? lastVersion(versions),
    versions: versions.map(({ version, createdAt, revokedAt }) => ({
      version,
      createdAt,
      ...(revokedAt === undefined ? {} : { revokedAt }),
    })),
  }
}

function unknownSecret(name: string, version?: number): SlipwayError {
  const which = version === undefined ? '' : ` in version ${version}`
  return new SlipwayError('unknown_secret', `The tenant has no secret "${name}"${which}.`, {
    next: 'Store it first, or see which ones there are.',
  })
}

function checkName(name: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/u.test(name)) return
  throw new SlipwayError('invalid_request', `${JSON.stringify(name.slice(0, 200))} can't be the name of a secret.`, {
    next: 'Use letters, digits, _ . and -, beginning with a letter or _, at most 128.',
  })
}

function checkValue(name: string, value: string): void {
  const refuse = (why: string, next: string): never => {
    throw new SlipwayError('invalid_request', `The value of the secret "${name}" ${why}.`, { next })
  }
  const bytes = Buffer.byteLength(value)
  if (bytes > maxSecretBytes) {
    refuse(`has ${bytes} bytes, more than ${maxSecretBytes}`, 'Keep large things in a file of the image.')
  }
  // The environment of a process can't hold either.
  if (value.includes('\0')) refuse('contains a NUL character', 'Encode it, for example as base64.')
  if (!value.isWellFormed()) refuse('is not valid Unicode', 'Encode it, for example as base64.')
}
