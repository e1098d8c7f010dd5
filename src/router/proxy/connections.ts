import { buildConnector, Client } from 'undici'
import type { Address } from '../../provider/provider.ts'

const connectTimeoutMs = 3000
const headersTimeoutMs = 300_000
const maxIdle = 256
/** How long before the replica's announced end of an idle connection it is not used for what cannot be sent twice. */
const announcedMarginMs = 1000

const connect = buildConnector({ timeout: connectTimeoutMs, allowH2: false })

/** One connection to a replica, carrying one request at a time. */
export interface Connection {
  readonly client: Client
  /** Never used before, so the replica cannot be about to close it for being idle. */
  fresh: boolean
  /** How long the replica said it keeps the connection when idle (`Keep-Alive: timeout=5`), ms; 0 when it did not say. */
  announcedMs: number
  idleSince: number
}

/** The connections to one replica: those that wait for a request, and how new ones are made. */
export class Connections {
  readonly #origin: string
  readonly #idle: Connection[] = []
  #closed = false

  constructor(address: Address) {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host
    this.#origin = `http://${host}:${address.port}`
  }

  /**
   * A connection for one request. With `once`, for a request that cannot be sent a second time, an idle one is used only when the replica
   * announced that it keeps it for longer; else it might be closing it this very moment, and the request would be lost.
   */
  take(once: boolean): Connection {
    if (!once) return this.#idle.pop() ?? this.#open()
    const last = this.#idle.at(-1)
    if (last && performance.now() - last.idleSince < last.announcedMs - announcedMarginMs) {
      this.#idle.pop()
      return last
    }
    return this.#open()
  }

  /** A new connection, for a request whose last one broke. */
  takeFresh(): Connection {
    return this.#open()
  }

  /** Gives a connection back after its answer ended; `reusable` when neither side asked to close it. */
  give(connection: Connection, reusable: boolean): void {
    if (!reusable || this.#closed || this.#idle.length >= maxIdle) return this.drop(connection)
    connection.fresh = false
    connection.idleSince = performance.now()
    this.#idle.push(connection)
  }

  /** Ends a connection, and with it the request on it. */
  drop(connection: Connection): void {
    connection.client.destroy().catch(ignored)
  }

  /** Closes those that are idle, and the others when they are given back. */
  close(): void {
    this.#closed = true
    for (const connection of this.#idle.splice(0)) this.drop(connection)
  }

  /** Undoes {@link close}: the replica serves again. */
  reopen(): void {
    this.#closed = false
  }

  #open(): Connection {
    const client = new Client(this.#origin, {
      connect,
      allowH2: false,
      headersTimeout: headersTimeoutMs,
      // None: a stream of events may be silent for as long as it likes.
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      keepAliveTimeoutThreshold: announcedMarginMs,
    })
    const connection: Connection = { client, fresh: true, announcedMs: 0, idleSince: 0 }
    client.on('disconnect', () => {
      const at = this.#idle.indexOf(connection)
      if (at >= 0) {
        this.#idle.splice(at, 1)
        this.drop(connection)
      } else {
        // A request that waits on it goes over a new socket.
        connection.fresh = true
      }
    })
    return connection
  }
}

function ignored(error: unknown): void {
  void error // because the connection is gone either way
}
