import type { Difference } from '../../deploy/diff.ts'
import { shown } from '../shown.ts'
import type { Act } from './act.ts'

/** What an act does, a line for each part of it: `adds api`, `removes worker: its data stays`, `changes hosts`. */
export function describe(act: Act): string[] {
  switch (act.kind) {
    case 'create': {
      const { name, services } = act.instance
      const counted = services.map(
        service => `  adds ${service.name}: ${image(service.image)}${times(service.replicas)}`,
      )
      return [`creates ${name}`, ...counted]
    }
    case 'update':
      return Object.entries(act.change).flatMap(([name, value]) => updated(name, value))
    case 'deploy':
      return deployed(act)
    case 'scale':
      return Object.entries(act.replicas).map(
        ([name, count]) => `scales ${name} to ${count}${act.afterSuccess ? ', once it is there' : ''}`,
      )
    case 'expose':
      return [`exposes ${act.service}, once it is there`]
  }
}

function updated(name: string, value: unknown): string[] {
  if (name === 'expose') return [value === null ? 'exposes no service' : `exposes ${said(value)}`]
  if (name === 'policies') {
    return Object.entries(value as object).map(([policy, to]) => `changes policy ${policy} to ${said(to)}`)
  }
  return [`changes ${name} to ${said(value)}`]
}

function deployed({ request, changes, adds, removes }: Extract<Act, { kind: 'deploy' }>): string[] {
  const known = request.services.filter(({ name }) => !adds.includes(name))
  const lines = known.flatMap(({ name }) => {
    const fields = changes.filter(change => change.service === name && change.field !== undefined).map(changed)
    return fields.length === 0 ? [] : [`changes ${name}: ${fields.join(', ')}`]
  })
  const added = request.services.filter(({ name }) => adds.includes(name))
  const all = [
    ...added.map(service => `adds ${service.name}: ${image(service.image)}${times(service.replicas)}`),
    ...lines,
    ...removes.map(name => `removes ${name}: its data stays until the instance is deleted`),
  ]
  return all.length === 0 ? ['deploys it again: the file says what is declared, images may have changed'] : all
}

function changed({ field = '', change, from, to }: Difference): string {
  if (field === 'image') return `image ${image(String(from))} to ${image(String(to))}`
  // Values of env may be long, and nobody's business on a screen that is shared; the plan has them.
  return change === 'changed' ? field : `${field} ${change}`
}

function times(replicas: number | undefined): string {
  return replicas === undefined || replicas === 1 ? '' : ` × ${replicas}`
}

function image(text: string): string {
  return shown(text)
}

function said(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(said).join(', ')
  return shown(typeof value === 'string' ? value : JSON.stringify(value))
}
