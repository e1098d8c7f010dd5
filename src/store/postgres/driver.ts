import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { SlipwayError } from '../../errors.ts'
import { bindable } from './bindable.ts'
import { faultOf, isLost, unknownOutcome } from './fault.ts'

/** How many calls may wait for a connection. */
const mostWaiting = 20_000

/** A driver whose calls may also be made beside all that wait. */
export interface PostgresDriver extends Driver {
  readonly urgent: Driver
}

/** Where a driver gets its connections from. */
export interface PostgresConnections {
  readonly pool: Pool
  /** For what must not wait behind everything else: heartbeats. */
  readonly urgent: Pool
  /** Which server it is, for sentences. */
  readonly server: string
  /** What begins a transaction. */
  readonly begin: string
}

/**
 * A driver over two pools of `pg`. `destroy` lets end what is under way; calls after it are refused with `closed`. A connection that was
 * lost is not used again, and one that was lost while it lay idle is replaced before anything was asked of it.
 */
export function postgresDriver(connections: PostgresConnections): PostgresDriver {
  let open = 0
  let closed: Promise<void> | undefined
  let ended: (() => void) | undefined

  const take = async (pool: Pool): Promise<PoolClient> => {
    if (closed) throw new SlipwayError('closed', 'The store was closed before this call had its turn.')
    if (pool.waitingCount >= mostWaiting) throw overloaded()
    open++
    try {
      return await connect(pool, connections.server)
    } catch (error) {
      giveBack()
      throw error
    }
  }
  const giveBack = (): void => {
    open--
    if (open === 0) ended?.()
  }
  const close = async (): Promise<void> => {
    if (open > 0) {
      await new Promise<void>(resolve => {
        ended = resolve
      })
    }
    await Promise.all([connections.pool.end(), connections.urgent.end()])
  }

  const driver = (pool: Pool): Driver => ({
    init: async () => {},
    acquireConnection: async () => new Turn(await take(pool), connections, pool, giveBack),
    beginTransaction: async turn => await (turn as Turn).begin(),
    commitTransaction: async turn => await (turn as Turn).commit(),
    rollbackTransaction: async turn => await (turn as Turn).rollBack(),
    releaseConnection: async turn => (turn as Turn).end(),
    destroy: () => (closed ??= close()),
  })
  return { ...driver(connections.pool), urgent: driver(connections.urgent) }
}

/** One caller's time with a connection: a statement, or a transaction. */
class Turn implements DatabaseConnection {
  readonly #connections: PostgresConnections
  readonly #pool: Pool
  readonly #giveBack: () => void
  #client: PoolClient | undefined
  #lost = false
  #inTransaction = false

  constructor(client: PoolClient, connections: PostgresConnections, pool: Pool, giveBack: () => void) {
    this.#client = client
    this.#connections = connections
    this.#pool = pool
    this.#giveBack = giveBack
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const { rows, rowCount, command } = await this.#held().query(sql, parameters.map(bindable))
      const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE'
      return { rows: rows as R[], ...(changes ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) }
    } catch (error) {
      const alone = !this.#inTransaction && query.kind !== 'SelectQueryNode'
      throw this.#told(error, alone)
    }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('the store pages its reads; streaming is not supported')
  }

  async begin(): Promise<void> {
    try {
      await this.#held().query(this.#connections.begin)
    } catch (error) {
      if (!isLost(error)) throw this.#told(error)
      // The server was restarted since this connection was used: nothing was asked of it, so another one is as good.
      this.#client?.release(true)
      this.#client = undefined
      this.#client = await connect(this.#pool, this.#connections.server)
      try {
        await this.#client.query(this.#connections.begin)
      } catch (again) {
        throw this.#told(again)
      }
    }
    this.#inTransaction = true
  }

  async commit(): Promise<void> {
    this.#inTransaction = false
    let command: string
    try {
      ;({ command } = await this.#held().query('commit'))
    } catch (error) {
      throw this.#told(error, true)
    }
    // PostgreSQL rolls back what it is asked to commit after a statement has failed, and calls that no error.
    if (command !== 'COMMIT')
      throw new SlipwayError('internal', 'A statement of the transaction had failed, and the failure was not told.')
  }

  /** Nothing is left to do on a connection that is gone: the server rolls back by itself. */
  async rollBack(): Promise<void> {
    this.#inTransaction = false
    if (this.#lost || !this.#client) return
    try {
      await this.#client.query('rollback')
    } catch (error) {
      void error // because what made it necessary is what is told; the server rolls back when the connection ends
      this.#lost = true
    }
  }

  end(): void {
    this.#client?.release(this.#lost)
    this.#client = undefined
    this.#giveBack()
  }

  #held(): PoolClient {
    if (this.#client) return this.#client
    throw new SlipwayError('internal', 'The transaction is over: its stores are good for nothing any more.')
  }

  #told(error: unknown, committing = false): unknown {
    const { server } = this.#connections
    if (!isLost(error)) return faultOf(error, server)
    this.#lost = true
    return committing ? unknownOutcome(error, server) : faultOf(error, server)
  }
}

async function connect(pool: Pool, server: string): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    // Of the pool, when all of its connections are in use for too long.
    if (error instanceof Error && error.message === 'timeout exceeded when trying to connect') throw overloaded()
    throw faultOf(error, server)
  }
}

function overloaded(): SlipwayError {
  return new SlipwayError('overloaded', 'Slipway is overloaded: all of its connections to PostgreSQL are in use.', {
    next: 'Try again in a few seconds; nothing was changed. If it stays so, look at the load of the database, or give more connections.',
  })
}
