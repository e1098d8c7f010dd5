import { SlipwayError } from '../errors.ts'
import { validateHealthCheck } from '../health/validate.ts'
import { isRouted, type ServiceSpec, taskOf } from '../instance/service.ts'
import type { Capability, Provider } from '../provider/provider.ts'
import { dependencyOrder } from './strategies/order.ts'

/** A list of services as they would stand together: enough to see whether they can. */
type Composed = Omit<ServiceSpec, 'secrets'>

/**
 * Checks what can only be seen of all services together: names, references, dependencies, health checks, capabilities.
 *
 * @throws SlipwayError duplicate_service, empty_image, unknown_reference, unknown_service, dependency_cycle, unknown_port,
 *   bad_health_check, missing_capability
 */
export function checkComposition(services: readonly Composed[], provider: Provider): void {
  const byName = new Map<string, Composed>()
  for (const service of services) {
    if (byName.has(service.name)) {
      throw new SlipwayError('duplicate_service', `Service "${service.name}" is named twice.`, {
        next: 'Name each service once.',
      })
    }
    byName.set(service.name, service)
  }
  for (const service of services) {
    if (service.image.trim() === '') {
      throw new SlipwayError('empty_image', `Service "${service.name}" has an empty image.`, {
        next: 'Say what it should run, such as file:./api-1.2.',
      })
    }
    checkPorts(service)
    if (service.healthCheck) validateHealthCheck(service.healthCheck, service)
    checkReferences(service, byName)
    for (const other of service.dependsOn ?? []) {
      if (!byName.has(other)) {
        throw new SlipwayError(
          'unknown_service',
          `Service "${service.name}" depends on "${other}", which is not there.`,
          {
            next: `Services are: ${[...byName.keys()].join(', ')}.`,
          },
        )
      }
    }
    checkCapabilities(service, provider)
  }
  dependencyOrder(services.map(({ name, dependsOn }) => ({ name, dependsOn: dependsOn ?? [] })))
}

function checkPorts(service: Composed): void {
  const names = new Set<string>()
  for (const port of service.ports ?? []) {
    if (names.has(port.name))
      throw new SlipwayError('invalid_request', `Service "${service.name}" declares the port "${port.name}" twice.`)
    names.add(port.name)
  }
}

const urlReference = /\$\{?URL_([A-Z0-9_]+)\}?/g

/** The variable in which a service finds the address of another: `URL_API` for `api`. */
export function urlVariable(service: string): string {
  return `URL_${service.toUpperCase().replaceAll('-', '_')}`
}

function checkReferences(service: Composed, all: ReadonlyMap<string, Composed>): void {
  const variables = new Map([...all.values()].map(other => [urlVariable(other.name), other]))
  const texts = [
    ...(service.command ?? []),
    ...(service.args ?? []),
    ...Object.values(service.env ?? {}),
    ...(taskOf(service)?.command ?? []),
  ]
  for (const text of texts) {
    for (const match of text.matchAll(urlReference)) {
      const variable = `URL_${match[1]}`
      const other = variables.get(variable)
      if (other && isRouted(other)) continue
      const why = other ? `service "${other.name}" has no port` : 'no service of this instance has that name'
      throw new SlipwayError('unknown_reference', `Service "${service.name}" uses $${variable}, but ${why}.`, {
        next: other
          ? `Give "${other.name}" a port, or take the reference out.`
          : `Services are: ${[...all.keys()].join(', ')}.`,
      })
    }
  }
}

function checkCapabilities(service: Composed, provider: Provider): void {
  const needs: [Capability, boolean, string][] = [
    ['volumes', (service.volumes?.length ?? 0) > 0, 'volumes'],
    ['resources', Object.keys(service.resources ?? {}).length > 0, 'resource limits'],
    ['user', service.user !== undefined, 'a user'],
    ['command-probe', service.healthCheck?.type === 'command', 'a command as health check'],
  ]
  for (const [capability, needed, words] of needs) {
    if (needed && !provider.capabilities.has(capability)) {
      throw new SlipwayError(
        'missing_capability',
        `Service "${service.name}" asks for ${words}, which the provider "${provider.name}" cannot give.`,
        {
          next: 'Take it out, or run the instance on another provider.',
        },
      )
    }
  }
}
