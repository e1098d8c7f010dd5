import { SlipwayError } from '../errors.ts'
import type { Instance } from '../instance/instance.ts'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { Provider } from '../provider/provider.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import type { Vault } from '../secrets/vault.ts'
import { checkComposition } from './compose.ts'
import type { ServiceDeploySpec } from './deployment.ts'
import type { RunRequest } from './run.ts'
import { type NewestSecrets, seal } from './seal.ts'
import type { Store } from './work.ts'

interface ResolveParts {
  readonly store: Store
  readonly providers: ProviderRegistry
  readonly vault: Vault
}

/** The part of a deploy request that says what to run. */
interface Wanted {
  readonly services: readonly ServiceDeploySpec[]
  readonly complete?: boolean | undefined
  readonly expectRelease?: string | undefined
}

/**
 * Looks everything up that a deploy needs, before anything is written: are the services there, do they fit together, can their images
 * be had and what do they mean now, are their secrets there. An instance without an active release takes all services from its declaration.
 *
 * @throws SlipwayError with the code of the first thing that is wrong
 */
export async function resolveServices(
  wanted: Wanted,
  instance: Instance,
  tenantId: string,
  { store, providers, vault }: ResolveParts,
): Promise<Extract<RunRequest, { kind: 'deploy' }>> {
  checkNames(wanted.services)
  const provider = providers.get(instance.provider)
  const active = await store.deploys.activeRelease(tenantId, instance.id)
  const complete = wanted.complete === true
  const whole = active || complete ? wanted.services : overDeclaration(wanted.services, instance)
  if (!complete && active) requireKnown(whole, active.services)
  const newest = await newestSecrets(tenantId, vault)
  const draft = whole.map(service => ({ ...service, digest: service.digest ?? 'unresolved' }))
  const composed = seal(active?.services ?? [], draft, complete || !active, newest)
  checkComposition(composed, provider)
  const resolved = await resolveImages(whole, provider, composed)
  const meant = new Map(resolved.map(({ name, image, digest }) => [name, { image, digest }]))
  const services = wanted.services.map(service => ({ ...service, ...meant.get(service.name) }))
  return {
    kind: 'deploy',
    services,
    complete,
    ...(whole === wanted.services ? {} : { declared: resolved }),
    ...(wanted.expectRelease !== undefined ? { expectRelease: wanted.expectRelease } : {}),
  }
}

/** The services a deploy brings onto the active release; onto none, all that were declared. */
export function broughtBy(
  request: Pick<Extract<RunRequest, { kind: 'deploy' }>, 'services' | 'declared'>,
  active: unknown,
): readonly ServiceDeploySpec[] {
  return active === undefined ? (request.declared ?? request.services) : request.services
}

function checkNames(services: readonly ServiceDeploySpec[]): void {
  if (services.length === 0) {
    throw new SlipwayError('empty_services', 'The request names no service.', {
      next: 'Name at least one, with its image.',
    })
  }
  const seen = new Set<string>()
  for (const { name, image } of services) {
    if (seen.has(name))
      throw new SlipwayError('duplicate_service', `Service "${name}" is named twice.`, {
        next: 'Name each service once.',
      })
    seen.add(name)
    if (image.trim() === '') {
      throw new SlipwayError('empty_image', `Service "${name}" has an empty image.`, {
        next: 'Say what it should run, such as file:./api-1.2.',
      })
    }
  }
}

function requireKnown(services: readonly ServiceDeploySpec[], active: readonly ServiceSnapshot[]): void {
  const unknown = services.find(service => !active.some(known => known.name === service.name))
  if (!unknown) return
  throw new SlipwayError('unknown_service', `The instance has no service "${unknown.name}".`, {
    next: `Its services are: ${active.map(service => service.name).join(', ')}. A complete deploy can add one.`,
  })
}

function overDeclaration(services: readonly ServiceDeploySpec[], instance: Instance): ServiceDeploySpec[] {
  const named = new Map(services.map(service => [service.name, service]))
  const unknown = services.find(service => !instance.services.some(declared => declared.name === service.name))
  if (unknown) {
    throw new SlipwayError('unknown_service', `The instance has no service "${unknown.name}".`, {
      next: `It declares: ${instance.services.map(service => service.name).join(', ')}. A complete deploy can add one.`,
    })
  }
  return instance.services.map(({ replicas, ...declared }) => {
    void replicas // the instance keeps counts
    const given = Object.fromEntries(
      Object.entries(named.get(declared.name) ?? {}).filter(([, value]) => value !== undefined),
    )
    return { ...declared, ...given }
  })
}

/** The version each secret of a tenant is at: the newest that was not revoked. */
export async function newestSecrets(tenantId: string, vault: Vault): Promise<NewestSecrets> {
  const secrets = await vault.list(tenantId)
  const usable = secrets.flatMap(({ name, versions }) => {
    const last = versions.findLast(version => version.revokedAt === undefined)
    return last ? [[name, last.version] as const] : []
  })
  return new Map(usable)
}

/**
 * What the images of these services mean now. `composed`: the same services with everything they inherit. Throws `image_unavailable`, also
 * for an image that does not say what to run when the service does not either.
 */
export async function resolveImages<S extends Pick<ServiceDeploySpec, 'name' | 'image' | 'digest'>>(
  services: readonly S[],
  provider: Provider,
  composed: readonly Pick<ServiceSnapshot, 'name' | 'command'>[],
): Promise<(S & { digest: string })[]> {
  return await Promise.all(
    services.map(async service => {
      const { image, digest, needsCommand } = await provider.resolve(service.image)
      const command = composed.find(({ name }) => name === service.name)?.command
      if (needsCommand && !command?.length) {
        throw new SlipwayError('image_unavailable', needsCommand.why, { next: needsCommand.next })
      }
      return { ...service, image, digest }
    }),
  )
}
