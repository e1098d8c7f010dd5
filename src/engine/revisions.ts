import { urlVariable } from '../deploy/compose.ts'
import type { Specs } from '../deploy/draft.ts'
import type { Row } from '../deploy/step.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { RevisionSpec } from '../provider/provider.ts'
import type { Vault } from '../secrets/vault.ts'

/** Turns rows into what a provider starts. */
export interface SpecSource {
  readonly storeId: string
  /** Throws `unrestorable` when a secret version it is pinned to was revoked. */
  specFor(
    record: InstanceRecord,
    row: Pick<Row, 'service' | 'revision' | 'release'>,
    specs: Specs,
  ): Promise<RevisionSpec>
}

/** Addresses of the routed services, as the replicas of the instance see them. */
export function urlsOf(ports: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ports).map(([service, port]) => [urlVariable(service), `http://127.0.0.1:${port}`]),
  )
}

/** Service → its address on this machine. */
export function addressesOf(ports: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(ports).map(([service, port]) => [service, `http://127.0.0.1:${port}`]))
}

/** A source that fetches secrets from the vault at the moment they are needed and keeps none. */
export function specSource(
  storeId: string,
  vault: Vault,
  onSecret: (instanceId: string, value: string) => void,
): SpecSource {
  return {
    storeId,
    async specFor(record, row, specs) {
      const service = specs[row.release]?.find(candidate => candidate.name === row.service)
      if (!service) throw new SlipwayError('internal', `Release ${row.release} has no service "${row.service}".`)
      const { tenantId, id: instanceId } = record.instance
      const secrets: Record<string, string> = {}
      for (const [variable, pin] of Object.entries(service.secrets ?? {})) {
        const { value } = await vault.retrieve(tenantId, pin.name, pin.version)
        onSecret(instanceId, value)
        secrets[variable] = value
      }
      return {
        tenantId,
        instanceId,
        service: row.service,
        revision: row.revision,
        image: service.image,
        digest: service.digest,
        ...(service.command ? { command: service.command } : {}),
        ...(service.args ? { args: service.args } : {}),
        env: service.env ?? {},
        secrets,
        urls: urlsOf(record.ports),
        ports: service.ports ?? [],
        ...(service.volumes ? { volumes: service.volumes } : {}),
        ...(service.resources ? { resources: service.resources } : {}),
        ...(service.user !== undefined ? { user: service.user } : {}),
      }
    },
  }
}
