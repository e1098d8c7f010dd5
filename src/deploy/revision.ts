import { createHash } from 'node:crypto'
import type { ServiceSnapshot } from '../instance/service.ts'
import type { Revision } from './step.ts'

/** JSON with sorted keys and without absent fields, so that equal content has equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(item => canonicalJson(item ?? null)).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${sorted.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}

/** Whether two values have the same {@link canonicalJson}, found out without writing it. */
export function sameContent(a: unknown, b: unknown): boolean {
  if ((a ?? null) === (b ?? null)) return true
  if (!isObject(a) || !isObject(b)) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => sameContent(item, b[at]))
    )
  }
  const isThere = ([, field]: [string, unknown]): boolean => field !== undefined
  const fields = Object.entries(a).filter(isThere)
  const others = new Map(Object.entries(b).filter(isThere))
  return (
    fields.length === others.size &&
    fields.every(([key, field]) => others.has(key) && sameContent(field, others.get(key)))
  )
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object'
}

/**
 * What a service's replicas are made of, as 16 hex digits of a sha256 (64 bits: a collision within one service of one instance would
 * take billions of revisions). Replica counts, health check, grace and order are no part of it: they change without a restart.
 */
export function revisionDigest(service: ServiceSnapshot): string {
  const { name, digest, command, args, env, secrets, ports, volumes, resources, user } = service
  const content = {
    name,
    digest,
    command,
    args,
    env: nonEmpty(env),
    secrets: nonEmpty(secrets),
    ports: ports?.length ? ports : undefined,
    volumes: volumes?.length ? volumes : undefined,
    resources: nonEmpty(resources),
    user,
  }
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 16)
}

/** The name of one generation of a revision. */
export function revisionName(digest: string, generation: number): Revision {
  return `${digest}.${generation}`
}

/** The digest in a revision's name. */
export function digestOf(revision: Revision): string {
  return revision.slice(0, revision.lastIndexOf('.'))
}

/** The generation in a revision's name. */
export function generationOf(revision: Revision): number {
  return Number(revision.slice(revision.lastIndexOf('.') + 1))
}

/** A revision as people read it: the first six digits, and the generation when it is not the first. */
export function shortRevision(revision: Revision): string {
  const generation = generationOf(revision)
  return revision.slice(0, 6) + (generation > 1 ? `.${generation}` : '')
}

function nonEmpty<T extends object>(map: T | undefined): T | undefined {
  return map && Object.keys(map).length > 0 ? map : undefined
}
