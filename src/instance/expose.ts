import { SlipwayError } from '../errors.ts'
import { type DeclaredService, isRouted } from './service.ts'

/** The one service that people reach first, if one is marked so. */
export function exposedOf(
  services: readonly { readonly name: string; readonly expose?: boolean }[],
): string | undefined {
  const exposed = services.filter(service => service.expose === true).map(service => service.name)
  if (exposed.length > 1) {
    throw new SlipwayError('invalid_request', `Only one service can be exposed, not ${exposed.join(' and ')}.`, {
      next: 'Mark the one that people reach first.',
    })
  }
  return exposed[0]
}

/** Throws when there is no such service, or none that could be reached. */
export function checkExpose(name: string | undefined, services: readonly DeclaredService[]): void {
  if (name === undefined) return
  const service = services.find(candidate => candidate.name === name)
  if (!service)
    throw new SlipwayError('unknown_service', `There is no service "${name}" to expose.`, {
      next: `Services are: ${services.map(candidate => candidate.name).join(', ')}.`,
    })
  if (!isRouted(service))
    throw new SlipwayError('unknown_port', `Service "${name}" has no port to expose.`, { next: 'Give it a port.' })
}
