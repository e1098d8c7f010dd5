import type { ServiceSnapshot } from '../instance/service.ts'
import { sameContent } from './revision.ts'

/** One thing that differs between two releases. Values of secrets are never told, only that they changed. */
export interface Difference {
  readonly service: string
  /** `image`, `env.FEATURE_TAX`, `secrets.STRIPE_KEY`, `healthCheck`; absent when the whole service was added or removed. */
  readonly field?: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly from?: unknown
  readonly to?: unknown
}

const mapFields = new Set(['env', 'secrets'])

/** What changes from one list of services to the other, service by service, field by field. */
export function diffServices(from: readonly ServiceSnapshot[], to: readonly ServiceSnapshot[]): Difference[] {
  const before = new Map(from.map(service => [service.name, service]))
  const after = new Map(to.map(service => [service.name, service]))
  const found: Difference[] = []
  for (const [name, service] of after) {
    const old = before.get(name)
    if (old) found.push(...diffFields(name, '', { ...old }, { ...service }))
    else found.push({ service: name, change: 'added', to: service.image })
  }
  for (const [name, service] of before) {
    if (!after.has(name)) found.push({ service: name, change: 'removed', from: service.image })
  }
  return found
}

function diffFields(
  service: string,
  prefix: string,
  from: Record<string, unknown>,
  to: Record<string, unknown>,
): Difference[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])]
  return names.flatMap((name): Difference[] => {
    const [old, next] = [from[name], to[name]]
    if (sameContent(old, next)) return []
    if (mapFields.has(name) && prefix === '') {
      return diffFields(service, `${name}.`, { ...(old as object | undefined) }, { ...(next as object | undefined) })
    }
    const secret = prefix === 'secrets.'
    return [
      {
        service,
        field: prefix + name,
        change: old === undefined ? 'added' : next === undefined ? 'removed' : 'changed',
        ...(old === undefined || secret ? {} : { from: old }),
        ...(next === undefined || secret ? {} : { to: next }),
      },
    ]
  })
}
