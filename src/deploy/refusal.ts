import { isPassing, SlipwayError } from '../errors.ts'
import type { Instance } from '../instance/instance.ts'
import { requireNoAttention } from '../instance/refusal.ts'
import type { Provider } from '../provider/provider.ts'
import type { Vault } from '../secrets/vault.ts'
import type { Release } from './release.ts'

/** The one answer for an id that does not exist, and for one of another tenant. */
export function notFound(kind: string, id: string): SlipwayError {
  return new SlipwayError('not_found', `There is no ${kind} ${JSON.stringify(id)}.`, {
    next: `List the ${kind}s to see which there are.`,
  })
}

/** Deploys and rollbacks are for instances that run, or whose first start failed, and that nobody has to look at first. */
export function requireDeployable(instance: Instance): void {
  if (instance.state === 'running' || instance.state === 'failed') return requireNoAttention(instance)
  throw new SlipwayError('instance_state', `Instance "${instance.name}" is ${instance.state}.`, {
    next: instance.state === 'stopped' ? 'Start it first.' : 'Wait until it runs.',
    details: { state: instance.state },
  })
}

/** The error of a rollback to a release that nothing was ever served from. */
export function neverActive(release: Release): SlipwayError {
  return new SlipwayError('never_active', `Release ${release.version} (${release.id}) was never active.`, {
    next: 'Roll back to one that was, or deploy its services again.',
  })
}

/** A platform that does not answer keeps no rollback from being asked for: it is found out when the image is prepared. */
async function mayHave(digest: string, provider: Provider): Promise<boolean> {
  try {
    return (await provider.has?.(digest)) ?? true
  } catch (error) {
    if (!isPassing(error)) throw error
    return true
  }
}

/** Refuses services of which the provider does not keep the image any more. Throws `unrestorable`. */
export async function requireImages(
  services: readonly { readonly name: string; readonly image: string; readonly digest?: string | undefined }[],
  what: string,
  provider: Provider,
): Promise<void> {
  for (const { name, image, digest } of services) {
    if (digest === undefined || (await mayHave(digest, provider))) continue
    throw new SlipwayError(
      'unrestorable',
      `${what} needs the image ${image} (${digest.slice(0, 19)}) for "${name}", and no copy of it is kept any more.`,
      {
        next: 'Deploy the image again, or roll back to a newer release.',
        details: { service: name, image, digest },
      },
    )
  }
}

/** Refuses a release that needs a secret version which is gone. Throws `unrestorable`. */
export async function requireRestorable(release: Release, tenantId: string, vault: Vault): Promise<void> {
  const held = new Map((await vault.list(tenantId)).map(secret => [secret.name, secret]))
  for (const service of release.services) {
    for (const pin of Object.values(service.secrets ?? {})) {
      const version = held.get(pin.name)?.versions.find(candidate => candidate.version === pin.version)
      if (version && version.revokedAt === undefined) continue
      throw new SlipwayError(
        'unrestorable',
        `Release ${release.version} needs version ${pin.version} of the secret "${pin.name}", which was revoked or deleted.`,
        {
          next: 'Deploy the services again; they take the newest version.',
        },
      )
    }
  }
}
