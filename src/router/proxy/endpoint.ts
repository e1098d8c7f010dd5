import type { Address } from '../../provider/provider.ts'
import { Connections } from './connections.ts'

/** Something in flight to a replica. */
export interface InFlight {
  /** Ends it now: the deadline of a drain has come. */
  cut(): void
}

const suspectMs = 1000

/** One replica as the proxy sees it, for as long as it is in a table or has something in flight. */
export class LiveEndpoint {
  readonly replica: string
  readonly address: Address
  readonly connections: Connections
  readonly requests = new Set<InFlight>()
  readonly webSockets = new Set<InFlight>()
  serving = true
  /** It refused a connection a moment ago; others are tried first until then (monotonic ms). */
  suspectUntil = 0
  readonly #waiting = new Set<() => void>()

  constructor(replica: string, address: Address) {
    this.replica = replica
    this.address = address
    this.connections = new Connections(address)
  }

  get idle(): boolean {
    return this.requests.size === 0 && this.webSockets.size === 0
  }

  /** Given new requests, or not any more. */
  serve(serving: boolean): void {
    this.serving = serving
    if (serving) this.connections.reopen()
    else this.connections.close()
  }

  suspect(): void {
    this.suspectUntil = performance.now() + suspectMs
  }

  leaveRequest(request: InFlight): void {
    this.requests.delete(request)
    if (!this.serving && this.idle) this.#tell()
  }

  leaveWebSocket(webSocket: InFlight): void {
    this.webSockets.delete(webSocket)
    if (!this.serving && this.idle) this.#tell()
  }

  /** Calls `told` once nothing is in flight any more; returns a function that takes it back. */
  onIdle(told: () => void): () => void {
    if (this.idle) {
      told()
      return () => {}
    }
    this.#waiting.add(told)
    return () => this.#waiting.delete(told)
  }

  #tell(): void {
    for (const told of this.#waiting) {
      this.#waiting.delete(told)
      told()
    }
  }
}
