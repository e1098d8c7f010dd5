import type { AuthProvider, Claims } from '../auth/auth.ts'
import type { Store } from '../deploy/work.ts'
import type { EventBus } from '../event/bus.ts'
import { requireThere } from '../tenant/quota.ts'
import type { SecretInfo, Vault } from './vault.ts'

/** Secrets as a caller may handle them: values go in, and only names and versions come out. */
export interface SecretService {
  /** Throws `already_exists`. */
  store(name: string, value: string): Promise<SecretInfo>
  /** Stages a new version: the next deploy that names a service using it takes it. */
  rotate(name: string, value: string): Promise<SecretInfo>
  /** Destroys a version. Releases pinned to it can't be restored any more. */
  revoke(name: string, version: number): Promise<SecretInfo>
  delete(name: string): Promise<void>
  list(): Promise<SecretInfo[]>
}

interface SecretParts {
  readonly auth: AuthProvider
  readonly vault: Vault
  readonly store: Store
  readonly bus: EventBus
}

/** A secret service that acts for this caller. */
export function secretService({ auth, vault, store, bus }: SecretParts, caller: Claims): SecretService {
  const tenantId = auth.tenantOf(caller)
  const write = (): Promise<void> => auth.authorize(caller, 'secret.write')
  const tell = async (type: 'secret.rotated' | 'secret.revoked', data: Record<string, unknown>): Promise<void> => {
    await store.events.append({ type, tenantId, data })
    bus.wake()
  }
  return {
    async store(name, value) {
      await write()
      requireThere(await store.tenants.get(tenantId))
      return await vault.store(tenantId, name, value)
    },
    async rotate(name, value) {
      await write()
      const info = await vault.rotate(tenantId, name, value)
      await tell('secret.rotated', { name, version: info.version })
      return info
    },
    async revoke(name, version) {
      await write()
      const info = await vault.revoke(tenantId, name, version)
      await tell('secret.revoked', { name, version })
      return info
    },
    async delete(name) {
      await write()
      await vault.delete(tenantId, name)
    },
    async list() {
      await auth.authorize(caller, 'secret.read')
      return await vault.list(tenantId)
    },
  }
}
