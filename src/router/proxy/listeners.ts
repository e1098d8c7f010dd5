import { createServer, type Server, type Socket } from 'node:net'
import { messageOf } from '../../errors.ts'

const firstRetryMs = 20
const longestRetryMs = 1000
const host = '127.0.0.1'

/** The ports the proxy listens on, by number; every connection goes to `accept`. */
export class Listeners {
  readonly #accept: (socket: Socket) => void
  /** Whether one more port may be open, for all that the process needs beside. */
  readonly #hasRoom: () => boolean
  readonly #servers = new Map<number, Server>()
  /** Ports that should be open and are not: why, and what tries again. */
  readonly #missing = new Map<number, { reason: string; timer: NodeJS.Timeout }>()

  constructor(accept: (socket: Socket) => void, hasRoom: () => boolean) {
    this.#accept = accept
    this.#hasRoom = hasRoom
  }

  /** Opens `port` (0: any) and resolves to its number once it listens; does nothing when it is open. Rejects when it is taken. */
  async open(port: number): Promise<number> {
    if (this.#servers.has(port)) return port
    if (!this.#hasRoom()) throw new Error('EMFILE: the process may have no more open files (ulimit -n)')
    const server = this.#server()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port, backlog: 4096 }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    return this.#keep(server, port)
  }

  /** Opens `port`, now or as soon as whoever has it lets go. For ports that were promised before. */
  async openEventually(port: number, retryMs = firstRetryMs): Promise<void> {
    try {
      await this.open(port)
    } catch (error) {
      clearTimeout(this.#missing.get(port)?.timer)
      const timer = setTimeout(() => void this.openEventually(port, Math.min(2 * retryMs, longestRetryMs)), retryMs)
      this.#missing.set(port, { reason: messageOf(error), timer })
    }
  }

  /** Takes over a port that another process of ours listened on until now. */
  adopt(port: number, handle: Server): void {
    if (this.#servers.has(port)) return void handle.close()
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
    const server = createServer({ noDelay: true, allowHalfOpen: true, keepAlive: true }, this.#accept)
    return server.on(
      'error',
      error => void error /* accepting failed once: that connection is lost, and the next one is not */,
    )
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
