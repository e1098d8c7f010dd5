import { SlipwayError } from '../errors.ts'
import type { SecretPin, ServiceSnapshot } from '../instance/service.ts'
import type { ServiceDeploySpec } from './deployment.ts'

/** What a service that names secrets is pinned to: name → version, the newest that was not revoked. */
export type NewestSecrets = ReadonlyMap<string, number>

/**
 * Fills in what a release inherits, from the release that is active now. A present field replaces, an absent one is inherited; with
 * `complete` the request is the whole truth. Services that are named take the newest version of their secrets, others keep theirs.
 *
 * @throws SlipwayError `unknown_service` when a partial deploy names one that is not there, `unknown_secret`
 */
export function seal(
  active: readonly ServiceSnapshot[],
  requested: readonly ServiceDeploySpec[],
  complete: boolean,
  newest: NewestSecrets,
): ServiceSnapshot[] {
  if (complete) return requested.map(spec => snapshot(spec, undefined, newest))
  const named = new Map(requested.map(spec => [spec.name, spec]))
  for (const spec of requested) {
    if (!active.some(service => service.name === spec.name)) {
      throw new SlipwayError('unknown_service', `The instance has no service "${spec.name}".`, {
        next: `Its services are: ${active.map(service => service.name).join(', ') || 'none'}. A complete deploy can add one.`,
      })
    }
  }
  return active.map(service => {
    const spec = named.get(service.name)
    return spec ? snapshot(spec, service, newest) : service
  })
}

function snapshot(
  spec: ServiceDeploySpec,
  inherited: ServiceSnapshot | undefined,
  newest: NewestSecrets,
): ServiceSnapshot {
  const { secrets: names, replicas, digest, ...given } = spec
  void replicas // the instance keeps counts, not the release
  if (digest === undefined) throw new SlipwayError('internal', `The image of "${spec.name}" was not resolved.`)
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const wanted = names ?? namesOf(inherited?.secrets)
  const pins = wanted && pinned(wanted, newest)
  const { secrets, ...rest } = inherited ?? {}
  void secrets // replaced by the pins
  return { ...rest, ...present, name: spec.name, image: spec.image, digest, ...(pins ? { secrets: pins } : {}) }
}

function namesOf(pins: Readonly<Record<string, SecretPin>> | undefined): Record<string, string> | undefined {
  return pins && Object.fromEntries(Object.entries(pins).map(([variable, pin]) => [variable, pin.name]))
}

function pinned(names: Readonly<Record<string, string>>, newest: NewestSecrets): Record<string, SecretPin> {
  return Object.fromEntries(
    Object.entries(names).map(([variable, name]) => {
      const version = newest.get(name)
      if (version === undefined) {
        throw new SlipwayError('unknown_secret', `There is no secret "${name}" (for ${variable}).`, {
          next: 'Store it in the vault first.',
        })
      }
      return [variable, { name, version }]
    }),
  )
}

/** The error of an `expectRelease` that is not the active one. */
export function staleRelease(expected: string, active: string | undefined): SlipwayError {
  return new SlipwayError(
    'stale_release',
    `Release ${expected} is not the active one${active ? `: ${active} is` : ''}.`,
    {
      next: 'Look at what changed, then deploy again.',
      ...(active ? { details: { active_release_id: active } } : {}),
    },
  )
}
