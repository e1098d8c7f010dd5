import { SlipwayError } from '../errors.ts'
import type { Provider } from './provider.ts'

/** The providers that instances can name. */
export interface ProviderRegistry {
  /** The first one registered is the default. Throws `already_exists`. */
  register(provider: Provider): void
  /** Throws `unknown_provider`. */
  get(name: string): Provider
  default(): Provider
  list(): readonly Provider[]
}

/** A registry of these providers; the first is the default. */
export function providerRegistry(...providers: readonly Provider[]): ProviderRegistry {
  const byName = new Map<string, Provider>()
  const registry: ProviderRegistry = {
    register(provider) {
      if (byName.has(provider.name)) {
        throw new SlipwayError('already_exists', `A provider named "${provider.name}" is registered already.`)
      }
      byName.set(provider.name, provider)
    },
    get(name) {
      const provider = byName.get(name)
      if (!provider) {
        const known = [...byName.keys()].join(', ') || 'none'
        throw new SlipwayError('unknown_provider', `No provider named "${name}" is registered.`, {
          next: `Registered are: ${known}.`,
        })
      }
      return provider
    },
    default() {
      const [first] = byName.values()
      if (!first) throw new SlipwayError('unknown_provider', 'No provider is registered.')
      return first
    },
    list: () => [...byName.values()],
  }
  for (const provider of providers) registry.register(provider)
  return registry
}
