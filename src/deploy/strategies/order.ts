import { SlipwayError } from '../../errors.ts'

/** What order needs to know of a service. */
export interface Dependent {
  readonly name: string
  readonly dependsOn?: readonly string[]
}

/**
 * The services, each after those it depends on; as declared where that leaves a choice. Names that are not in the list are ignored.
 *
 * @throws SlipwayError `dependency_cycle`, naming the circle
 */
export function dependencyOrder<T extends Dependent>(services: readonly T[]): T[] {
  const byName = new Map(services.map(service => [service.name, service]))
  const ordered = new Set<T>()
  const visit = (service: T, path: readonly string[]): void => {
    if (ordered.has(service)) return
    const from = path.indexOf(service.name)
    if (from >= 0) throw cycle([...path.slice(from), service.name])
    for (const name of service.dependsOn ?? []) {
      const dependency = byName.get(name)
      if (dependency) visit(dependency, [...path, service.name])
    }
    ordered.add(service)
  }
  for (const service of services) visit(service, [])
  return [...ordered]
}

function cycle(names: readonly string[]): SlipwayError {
  return new SlipwayError('dependency_cycle', `Services depend on each other in a circle: ${names.join(' → ')}.`, {
    next: 'Take one of these out of dependsOn.',
  })
}

/** Everything a service depends on, directly or through others. */
export function dependenciesOf(name: string, services: readonly Dependent[]): Set<string> {
  const found = new Set<string>()
  const visit = (from: string): void => {
    for (const dependency of services.find(service => service.name === from)?.dependsOn ?? []) {
      if (found.has(dependency)) continue
      found.add(dependency)
      visit(dependency)
    }
  }
  visit(name)
  return found
}
