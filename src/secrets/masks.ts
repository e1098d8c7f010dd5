import type { Instance } from '../instance/instance.ts'
import { masker } from './mask.ts'
import type { Vault } from './vault.ts'

/** Takes the secrets of instances out of lines, for as long as this process lives. */
export interface SecretMasks {
  /** A replica of the instance was given this value. */
  add(instanceId: string, value: string): void
  mask(instanceId: string, line: string): string
  /** The same for a line that may be about any of them. */
  maskAll(line: string): string
  /** Learns every value that the instance can have been given, for what was written before this process began. */
  load(instance: Pick<Instance, 'id' | 'tenantId'>, vault: Vault): Promise<void>
}

/** Masks that know no secret yet. */
export function secretMasks(): SecretMasks {
  const values = new Map<string, Set<string>>()
  const maskers = new Map<string, (line: string) => string>()
  const loaded = new Set<string>()
  let all: ((line: string) => string) | undefined

  function add(instanceId: string, value: string): void {
    const known = values.get(instanceId) ?? new Set()
    if (known.has(value)) return
    known.add(value)
    values.set(instanceId, known)
    maskers.set(instanceId, masker([...known]))
    all = undefined
  }

  return {
    add,
    mask: (instanceId, line) => maskers.get(instanceId)?.(line) ?? line,
    maskAll(line) {
      all ??= masker(new Set([...values.values()].flatMap(known => [...known])))
      return all(line)
    },
    async load({ id, tenantId }, vault) {
      if (loaded.has(id)) return
      for (const secret of await vault.list(tenantId)) {
        for (const { version, revokedAt } of secret.versions) {
          if (revokedAt === undefined) add(id, (await vault.retrieve(tenantId, secret.name, version)).value)
        }
      }
      loaded.add(id)
    },
  }
}
