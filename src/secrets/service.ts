import { type AuditAction, audited } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import type { Store, Stores } from '../deploy/work.ts'
import type { EventBus } from '../event/bus.ts'
import type { EventType } from '../event/event.ts'
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

/** What is told of a change: in the log of events, when readers of that care, and in the audit log. */
interface Told {
  readonly event?: EventType
  readonly action: AuditAction
  readonly version?: number
}

/** A secret service that acts for this caller. */
export function secretService({ auth, vault, store, bus }: SecretParts, caller: Claims): SecretService {
  const tenantId = auth.tenantOf(caller)
  const write = (): Promise<void> => auth.authorize(caller, 'secret.write')

  /** Changes a secret and tells of it: at once where the vault lies in our store, else right after. */
  async function change<T>(name: string, act: (vault: Vault) => Promise<T>, told: (made: T) => Told): Promise<T> {
    const elsewhere = vault.within ? undefined : { made: await act(vault) }
    const made = await store.transaction(async tx => {
      const made = elsewhere ? elsewhere.made : await act(vault.within?.(tx.secrets) ?? vault)
      await tell(name, told(made), tx)
      return made
    })
    bus.wake()
    return made
  }

  async function tell(name: string, { event, action, version }: Told, tx: Stores): Promise<void> {
    const after = version === undefined ? {} : { version }
    if (event) await tx.events.append({ type: event, tenantId, data: { name, ...after } })
    await tx.audit.append(
      audited({ ...caller, tenantId }, { action, object: { kind: 'secret', id: name, name }, after }),
    )
  }

  return {
    async store(name, value) {
      await write()
      requireThere(await store.tenants.get(tenantId))
      const act = (vault: Vault) => vault.store(tenantId, name, value)
      return await change(name, act, ({ version }) => ({ action: 'secret.store', version }))
    },
    async rotate(name, value) {
      await write()
      const act = (vault: Vault) => vault.rotate(tenantId, name, value)
      return await change(name, act, ({ version }) => ({ event: 'secret.rotated', action: 'secret.rotate', version }))
    },
    async revoke(name, version) {
      await write()
      const act = (vault: Vault) => vault.revoke(tenantId, name, version)
      return await change(name, act, () => ({ event: 'secret.revoked', action: 'secret.revoke', version }))
    },
    async delete(name) {
      await write()
      const act = (vault: Vault) => vault.delete(tenantId, name)
      await change(name, act, () => ({ action: 'secret.delete' }))
    },
    async list() {
      await auth.authorize(caller, 'secret.read')
      return await vault.list(tenantId)
    },
  }
}
