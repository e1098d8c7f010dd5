import { LiveEndpoint } from './endpoint.ts'
import type { Picker } from './service.ts'
import { TrafficCount } from './traffic.ts'

/**
 * Passes requests on to the process that took over, by the very port they came in on: clients keep connections, and what they send on one
 * that the old process still has must meet the tables of the new. It is counted, and gets its X-Forwarded-*, there.
 */
export class Successor {
  readonly #byPort = new Map<number, Picker>()

  onPort(port: number): Picker {
    const known = this.#byPort.get(port)
    if (known) return known
    const endpoint = new LiveEndpoint('successor', { host: '127.0.0.1', port })
    const traffic = new TrafficCount()
    const picker: Picker = {
      edge: false,
      pick: (_cookies, tried) => (tried?.has(endpoint) ? undefined : { endpoint, traffic }),
    }
    this.#byPort.set(port, picker)
    return picker
  }
}
