import { createServer, type Server, type Socket } from 'node:net'
import { messageOf } from '../../errors.ts'

const retryMs = 1000
const host = '127.0.0.1'

/** The ports the proxy listens on, by number; every connection goes to `accept`. */
export class Listeners {
  readonly #accept: (socket: Socket) => void
  readonly #servers = new Map<number, Server>()
  /** Ports that should be open and are not: why, and what tries again. */
  readonly #missing = new Map<number, { reason: string; timer: NodeJS.Timeout }>()

  constructor(accept: (socket: Socket) => void) {
    this.#accept = accept
  }

  /** Opens `port` (0: any) and resolves to its number once it listens; does nothing when it is open. Rejects when it is taken. */
  async open(port: number): Promise<number> {
    if (this.#servers.has(port)) return port
    const server = this.#server()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port, backlog: 4096 }, resolve)
    })
    return this.#keep(server, port)
  }

  /** Opens `port`, now or as soon as whoever has it lets go. For ports that were promised before. */
  async openEventually(port: number): Promise<void> {
    try {
      await this.open(port)
    } catch (error) {
      const timer = setTimeout(() => {
        this.#missing.delete(port)
        void this.openEventually(port)
      }, retryMs)
      this.#missing.set(port, { reason: messageOf(error), timer })
    }
  }

  /** Takes over a port that another process of ours listened on until now. */
  adopt(port: number, handle: Server): void {
    const server = this.#server()
    server.listen(handle)
    this.#keep(server, port)
  }

  /** Ports that should be open and are not, and why. */
  missing(): ReadonlyMap<number, string> {
    return new Map([...this.#missing].map(([port, { reason }]) => [port, reason]))
  }

  /** Whether it is to be opened as soon as whoever has it lets go. */
  awaits(port: number): boolean {
    return this.#missing.has(port)
  }

  has(port: number): boolean {
    return this.#servers.has(port)
  }

  all(): ReadonlyMap<number, Server> {
    return this.#servers
  }

  /** Stops listening; connections that were accepted stay. */
  close(port: number): void {
    clearTimeout(this.#missing.get(port)?.timer)
    this.#missing.delete(port)
    this.#servers.get(port)?.close()
    this.#servers.delete(port)
  }

  closeAll(): void {
    for (const port of [...this.#servers.keys(), ...this.#missing.keys()]) this.close(port)
  }

  #server(): Server {
    // Half-open as node's own HTTP servers are: a client may end its side and still wait for the answer.
    return createServer({ noDelay: true, allowHalfOpen: true, keepAlive: true }, this.#accept)
  }

  #keep(server: Server, port: number): number {
    const address = server.address()
    const actual = typeof address === 'object' && address ? address.port : port
    clearTimeout(this.#missing.get(actual)?.timer)
    this.#missing.delete(actual)
    this.#servers.set(actual, server)
    return actual
  }
}
