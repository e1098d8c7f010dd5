import type { Store } from '../deploy/work.ts'
import type { Instance } from '../instance/instance.ts'
import { masker } from './mask.ts'
import type { Vault } from './vault.ts'

/** Takes the secrets of instances out of lines, for as long as this process lives. */
export interface SecretMasks {
  /** A replica of the instance was given this value. */
  add(instanceId: string, value: string): void
  mask(instanceId: string, line: string): string
  /** Learns the values that the instance's releases are pinned to, for lines written before this process began. */
  load(instance: Instance, store: Store, vault: Vault): Promise<void>
}

/** Masks that know no secret yet. */
export function secretMasks(): SecretMasks {
  const values = new Map<string, Set<string>>()
  const maskers = new Map<string, (line: string) => string>()
  const loaded = new Set<string>()

  function add(instanceId: string, value: string): void {
    const known = values.get(instanceId) ?? new Set()
    if (known.has(value)) return
    known.add(value)
    values.set(instanceId, known)
    maskers.set(instanceId, masker([...known]))
  }

  return {
    add,
    mask: (instanceId, line) => maskers.get(instanceId)?.(line) ?? line,
    async load(instance, store, vault) {
      if (loaded.has(instance.id)) return
      const secrets = new Map((await vault.list(instance.tenantId)).map(secret => [secret.name, secret]))
      let cursor: string | undefined
      do {
        const page = await store.deploys.listReleases(instance.tenantId, instance.id, {
          limit: 200,
          ...(cursor ? { cursor } : {}),
        })
        const pins = page.items
          .flatMap(release => release.services)
          .flatMap(service => Object.values(service.secrets ?? {}))
        for (const pin of pins) {
          const version = secrets.get(pin.name)?.versions.find(candidate => candidate.version === pin.version)
          if (!version || version.revokedAt !== undefined) continue
          add(instance.id, (await vault.retrieve(instance.tenantId, pin.name, pin.version)).value)
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
      loaded.add(instance.id)
    },
  }
}
