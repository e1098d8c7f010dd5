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
  /** Upgrades that were not answered yet: in a drain they count as requests. */
  readonly handshakes = new Set<InFlight>()
  readonly webSockets = new Set<InFlight>()
  serving = true
  /** It refused a connection a moment ago; others are tried first until then (monotonic ms). */
  suspectUntil = 0
  readonly #waiting = new Set<{ readonly reached: () => boolean; readonly told: () => void }>()

  constructor(replica: string, address: Address) {
    this.replica = replica
    this.address = address
    this.connections = new Connections(address)
  }

  /** Nothing is in flight, and it can be forgotten. */
  get idle(): boolean {
    return this.drained && this.webSockets.size === 0
  }

  /** No request is in flight. A WebSocket has no end of its own, so nobody waits for it. */
  get drained(): boolean {
    return this.requests.size === 0 && this.handshakes.size === 0
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
    if (!this.serving) this.#tell()
  }

  /** The upgrade was answered: from here on it is a WebSocket. */
  upgraded(webSocket: InFlight): void {
    this.webSockets.add(webSocket)
    this.leaveHandshake(webSocket)
  }

  leaveHandshake(webSocket: InFlight): void {
    this.handshakes.delete(webSocket)
    if (!this.serving) this.#tell()
  }

  leaveWebSocket(webSocket: InFlight): void {
    this.webSockets.delete(webSocket)
    this.leaveHandshake(webSocket)
  }

  /** Calls `told` once nothing is in flight any more; returns a function that takes it back. */
  onIdle(told: () => void): () => void {
    return this.#once(() => this.idle, told)
  }

  /** Calls `told` once no request is in flight any more; returns a function that takes it back. */
  onDrained(told: () => void): () => void {
    return this.#once(() => this.drained, told)
  }

  #once(reached: () => boolean, told: () => void): () => void {
    if (reached()) {
      told()
      return () => {}
    }
    const waiting = { reached, told }
    this.#waiting.add(waiting)
    return () => this.#waiting.delete(waiting)
  }

  #tell(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.reached()) continue
      this.#waiting.delete(waiting)
      waiting.told()
    }
  }
}
