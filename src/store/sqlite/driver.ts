import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { SlipwayError } from '../../errors.ts'
import type { Bound } from '../sql/codec.ts'
import { faultOf } from './fault.ts'
import { type GroupCommit, groupCommit, type Member } from './group-commit.ts'
import { type Manner, mutex } from './mutex.ts'

/** How many prepared statements are kept; more than the store has, fewer than a leak would make. */
const keptStatements = 500

/** How long a call waits for a transaction to end before it is taken for a deadlock, milliseconds. */
const deadlockMs = 30_000

/** How long a call waits while others have their turns, milliseconds. */
const patienceMs = 10_000

/** How many calls may wait: more than a thousand instances at work ask for, fewer than memory has room for. */
const mostWaiting = 20_000

/**
 * How long calls follow each other before timers and sockets have their turn, milliseconds. Nothing here ever waits for the system, so
 * a long row of calls would keep the whole process busy: heartbeats would be late, and requests unanswered.
 */
const breathMs = 5

/** How long what was written waits at most for more that is flushed with it, milliseconds. */
const longestGroupMs = 15

/** What may be different about a driver. */
export interface SqliteDriverOptions {
  /** How long a call waits for one transaction to end, milliseconds. Default 30 000. */
  readonly deadlockMs?: number
  /** How long a call waits while others have their turns, milliseconds. Default 10 000. */
  readonly patienceMs?: number
  /** Called before each flush: where a test makes the disk slow, or fail. */
  readonly beforeFlush?: () => void
  /** Told after each flush how long it took, seconds. */
  readonly onFlush?: (seconds: number) => void
}

/** A driver whose calls may also be made ahead of all that wait. */
export interface SqliteDriver extends Driver {
  readonly urgent: Driver
}

/**
 * A driver of one connection, handed to one caller at a time in the order of asking. What was written while others waited for their turn
 * is committed together with what they write; nobody is told anything before it is on disk, readers included. `destroy` waits for its
 * turn too: what is under way ends first, and calls after it are refused with `closed`.
 */
export function sqliteDriver(open: () => DatabaseSync, options: SqliteDriverOptions = {}): SqliteDriver {
  const turns = mutex({
    patienceMs: options.patienceMs ?? patienceMs,
    deadlockMs: options.deadlockMs ?? deadlockMs,
    mostWaiting,
  })
  let database: DatabaseSync | undefined
  let desk: Desk | undefined
  let closed = false
  let soon = false
  let breathedAt = performance.now()

  const mustBreathe = (): boolean => performance.now() - breathedAt >= breathMs
  const take = async (manner?: Manner): Promise<Desk> => {
    await turns.acquire(manner)
    if (mustBreathe()) {
      await new Promise(resolve => setImmediate(resolve))
      breathedAt = performance.now()
    }
    if (desk) return desk
    turns.release()
    throw new SlipwayError('closed', 'The store was closed before this call had its turn.')
  }
  /** Once everything that can go on without waiting has asked for what it wants next: it is written with the rest. */
  const flushSoon = (group: GroupCommit): void => {
    if (soon || !group.pending) return
    soon = true
    setImmediate(() => {
      soon = false
      // Whoever has a turn now comes by here again when it ends.
      if (!turns.held) group.flush()
    })
  }
  const giveBack = ({ group }: Desk): void => {
    if (group.pendingMs >= longestGroupMs) group.flush()
    else if (turns.waiting === 0) flushSoon(group)
    turns.release()
  }

  const driver = (manner?: Manner): Driver => ({
    async init() {
      database ??= open()
      desk ??= deskOf(database, options)
    },
    async acquireConnection() {
      return new Turn(await take(manner), () => take(manner), giveBack)
    },
    beginTransaction: async turn => (turn as Turn).begin(),
    commitTransaction: async turn => await (turn as Turn).commit(),
    rollbackTransaction: async turn => await (turn as Turn).rollBack(),
    releaseConnection: async turn => (turn as Turn).end(),
    async destroy() {
      if (closed) return
      closed = true
      await turns.acquire('patient')
      desk?.group.flush()
      desk = undefined
      database?.close()
      turns.release()
    },
  })
  return { ...driver(), urgent: driver('urgent') }
}

/** What a turn works with: the statements of the connection, and what is to be committed. */
interface Desk {
  readonly group: GroupCommit
  readonly run: (query: CompiledQuery) => QueryResult<never>
}

/** One caller's time with the connection: a statement, or a transaction. */
class Turn implements DatabaseConnection {
  readonly #take: () => Promise<Desk>
  readonly #giveBack: (desk: Desk) => void
  #desk: Desk | undefined
  #member: Member | undefined

  constructor(desk: Desk, take: () => Promise<Desk>, giveBack: (desk: Desk) => void) {
    this.#desk = desk
    this.#take = take
    this.#giveBack = giveBack
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.#desk ??= await this.#take()
    const { group, run } = this.#desk
    if (this.#member) {
      this.#member.goOn()
      return run(query)
    }
    try {
      return this.#alone(query, group, run)
    } finally {
      await this.#settled(group)
    }
  }

  /**
   * Ends the turn, and waits for the flush. What was read, or made it fail, may not be on disk yet, and whoever is told may act on it: when
   * the flush fails, that is what they are told.
   */
  async #settled(group: GroupCommit): Promise<void> {
    const durable = group.durable()
    this.end()
    await durable
  }

  /** One statement is a transaction of its own; one that only reads needs none, and a pragma must have none. */
  #alone(query: CompiledQuery, group: GroupCommit, run: Desk['run']): QueryResult<never> {
    if (query.query.kind === 'SelectQueryNode') return run(query)
    if (isPragma(query)) {
      group.flush()
      return run(query)
    }
    const member = group.begin()
    try {
      const result = run(query)
      member.keep()
      return result
    } catch (error) {
      member.takeBack()
      throw error
    }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('the store pages its reads; streaming is not supported')
  }

  begin(): void {
    this.#member = this.#desk?.group.begin()
  }

  async commit(): Promise<void> {
    const group = this.#desk?.group
    this.#member?.keep()
    this.#member = undefined
    if (group) await this.#settled(group)
  }

  /** Nothing is left to do after a commit that could not be flushed: the turn is over then. */
  async rollBack(): Promise<void> {
    const group = this.#desk?.group
    this.#member?.takeBack()
    this.#member = undefined
    if (group) await this.#settled(group)
  }

  end(): void {
    const desk = this.#desk
    this.#desk = undefined
    if (desk) this.#giveBack(desk)
  }
}

/** What is asked of the connection, not of the data. A checkpoint is refused inside a transaction: what waits is flushed before it. */
function isPragma({ query, sql }: CompiledQuery): boolean {
  return query.kind === 'RawNode' && sql.startsWith('pragma ')
}

function deskOf(database: DatabaseSync, { beforeFlush = () => {}, onFlush }: SqliteDriverOptions): Desk {
  const group = groupCommit(database, beforeFlush, onFlush)
  const statements = new Map<string, { readonly statement: StatementSync; readonly returnsRows: boolean }>()

  function prepared(sql: string) {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const entry = { statement, returnsRows: statement.columns().length > 0 }
    if (statements.size >= keptStatements) {
      const oldest = statements.keys().next()
      if (!oldest.done) statements.delete(oldest.value)
    }
    statements.set(sql, entry)
    return entry
  }

  return {
    group,
    run({ sql, parameters }) {
      const bound = parameters as readonly Bound[]
      try {
        const { statement, returnsRows } = prepared(sql)
        if (returnsRows) return { rows: statement.all(...bound) as never[] }
        const { changes } = statement.run(...bound)
        return { rows: [], numAffectedRows: BigInt(changes) }
      } catch (error) {
        const fault = faultOf(error)
        group.settle(fault)
        throw fault
      }
    },
  }
}
