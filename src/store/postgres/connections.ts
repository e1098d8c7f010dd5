import type { ConnectionOptions } from 'node:tls'
import type { Client, ClientConfig, CustomTypesConfig } from 'pg'
import { messageOf, SlipwayError } from '../../errors.ts'
import type { PostgresConnections } from './driver.ts'

/** How PostgreSQL is reached, and how much is asked of it. */
export interface PostgresConnectionOptions {
  /** `postgres://user:password@host:5432/database`. A unix socket: `postgres://user@/database?host=/run/postgresql`. */
  readonly url: string
  /**
   * The server itself, when `url` leads to a pooler that hands out a connection for a transaction: there notifications are listened for.
   * Only hints come over it; without them everything is found by looking every second.
   */
  readonly listenUrl?: string
  /** Connections at most, besides the one that heartbeats go over. Default 10. */
  readonly maxConnections?: number
  /** How long a call waits for a connection before it is refused with `overloaded`, milliseconds. Default 10 000. */
  readonly patienceMs?: number
  /** How long a statement may take, milliseconds. Default 30 000. */
  readonly statementMs?: number
  /** How long a statement waits for what another transaction holds, and a transaction for its next statement, milliseconds. Default 20 000. */
  readonly lockMs?: number
  /** TLS: `true`, or the certificates to trust and to show. Default: what `sslmode` in the URL says, else none. */
  readonly tls?: boolean | ConnectionOptions
}

/** What is reached, and a further connection of its own to listen on. */
export interface Reached extends PostgresConnections {
  readonly listener: () => Client
}

/** Makes the pools. Nothing is connected before it is needed. */
export async function connectionsOf(options: PostgresConnectionOptions): Promise<Reached> {
  const { url, listenUrl, maxConnections = 10, patienceMs = 10_000, statementMs = 30_000, lockMs = 20_000 } = options
  const { Client, Pool, types } = await driverPackage()
  const parsers: CustomTypesConfig = {
    getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
      parserOf(oid) ?? (types.getTypeParser as (...of: unknown[]) => unknown)(oid, format)) as never,
  }
  const limits = {
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: lockMs,
  }
  const config: ClientConfig = {
    connectionString: checked(url, 'url'),
    application_name: 'slipway',
    keepAlive: true,
    types: parsers,
    // Where the network swallows an answer nobody else would ever give up.
    query_timeout: statementMs + 5_000,
    ...(options.tls === undefined ? {} : { ssl: options.tls }),
    // A pooler refuses what it does not know as a connection begins: there each transaction sets its own.
    ...(listenUrl === undefined ? limits : {}),
  }
  const pool = (max: number) => {
    const made = new Pool({ ...config, max, connectionTimeoutMillis: patienceMs })
    made.on('error', (error: unknown) => void error) // because one that lies idle is dropped, and the next call makes another
    made.on('connect', client => client.on('error', (error: unknown) => void error)) // because its statement is told as well
    return made
  }
  const local = Object.entries(limits).map(([name, value]) => `set local ${name} = ${value}`)
  const of = new Client(config)
  return {
    pool: pool(checkedCount(maxConnections)),
    urgent: pool(1),
    server: `${of.host}:${of.port}/${of.database ?? ''}`,
    begin: listenUrl === undefined ? 'begin' : ['begin', ...local].join('; '),
    listener: () => {
      const { query_timeout: _none, ...own } = config
      return new Client({ ...own, connectionString: listenUrl === undefined ? url : checked(listenUrl, 'listenUrl') })
    },
  }
}

/** Loaded only here: who stays on SQLite never needs it. */
async function driverPackage(): Promise<typeof import('pg')> {
  try {
    return await import('pg')
  } catch (error) {
    throw new SlipwayError('unavailable', `The package "pg" can't be loaded: ${messageOf(error)}.`, {
      next: 'Install it: npm install pg.',
      cause: error,
    })
  }
}

/** Numbers of eight bytes as numbers: none of ours is beyond what they hold. Bytes without Node's own kind of array. */
function parserOf(oid: number): ((text: string) => unknown) | undefined {
  switch (oid) {
    case 20:
      return Number
    case 17:
      return text => new Uint8Array(Buffer.from(text.slice(2), 'hex'))
    default:
      return undefined
  }
}

/** The URL is not repeated in the sentence: there may be a password in it. */
function checked(url: string, field: 'url' | 'listenUrl'): string {
  if (/^postgres(?:ql)?:\/\//.test(url) && (URL.canParse(url) || /^postgres(?:ql)?:\/\/[^/]*@\//.test(url))) return url
  throw new SlipwayError('invalid_request', 'The URL of the database is none of PostgreSQL.', {
    next: 'Write it as postgres://user:password@host:5432/database; special characters in the password are percent-encoded.',
    fields: [{ pointer: `/${field}`, detail: 'begins with postgres://' }],
  })
}

function checkedCount(maxConnections: number): number {
  if (Number.isInteger(maxConnections) && maxConnections >= 2) return maxConnections
  throw new SlipwayError(
    'invalid_request',
    `maxConnections is ${maxConnections}, which is not a whole number from 2.`,
    {
      next: 'Give a number of connections that PostgreSQL has for each process.',
      fields: [{ pointer: '/maxConnections', detail: 'a whole number from 2' }],
    },
  )
}
