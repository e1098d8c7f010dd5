import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { SlipwayError } from '../../errors.ts'
import { faultOf } from './fault.ts'

/** One transaction among those that are committed together. */
export interface Member {
  /** Throws `unavailable` once SQLite has ended it by itself: a statement more would be a transaction of its own. */
  goOn(): void
  /** Keeps what it did, unless SQLite has ended it. Durable once {@link GroupCommit.durable} resolves. */
  keep(): void
  /** Takes back what it did, and nothing else. */
  takeBack(): void
}

/**
 * Commits several transactions as one: a disk flush costs more than most of them do. Each is a savepoint in the one that SQLite sees, so
 * it can be taken back alone. None is told that it is committed before the flush, and all are told the same.
 */
export interface GroupCommit {
  /** Whether something waits for its flush. */
  readonly pending: boolean
  /** For how long, milliseconds; 0 when nothing does. */
  readonly pendingMs: number
  /** Begins a transaction, behind those that wait for the flush. */
  begin(): Member
  /** Resolves when everything done so far is on disk; at once when nothing waits. Rejects when it can't be. */
  durable(): Promise<void>
  /** Flushes. Throws never: those who wait are told. */
  flush(): void
  /** Looks whether SQLite has ended the transaction by itself, as it does on a full disk, and tells those it took along. */
  settle(error: unknown): void
}

/** A {@link GroupCommit} on this database; `beforeFlush` is called before each flush, `onFlush` told after it how long it took, seconds. */
export function groupCommit(
  database: DatabaseSync,
  beforeFlush: () => void,
  onFlush?: (seconds: number) => void,
): GroupCommit {
  const statements = new Map<string, StatementSync>()
  const control = (sql: string): void => {
    try {
      const statement = statements.get(sql) ?? database.prepare(sql)
      statements.set(sql, statement)
      statement.run()
    } catch (error) {
      throw faultOf(error)
    }
  }
  let group: PromiseWithResolvers<void> | undefined
  let members = 0
  let beganAt = 0

  const end = (outcome: { readonly error: unknown } | undefined): void => {
    const ended = group
    group = undefined
    members = 0
    if (outcome) ended?.reject(outcome.error)
    else ended?.resolve()
  }
  const rollBack = (): void => {
    if (database.isTransaction) control('rollback')
  }

  return {
    get pending() {
      return group !== undefined
    },
    get pendingMs() {
      return group ? performance.now() - beganAt : 0
    },
    begin() {
      // Takes the write lock, so that none fails half-way because another one wrote first.
      if (!group) {
        control('begin immediate')
        group = Promise.withResolvers()
        beganAt = performance.now()
        group.promise.catch((error: unknown) => void error) // because whoever is in it awaits it as well
      }
      const mine = group
      // The first needs no savepoint: taking it back leaves nothing.
      const alone = members === 0
      if (!alone) control('savepoint member')
      const goOn = (): void => {
        if (group !== mine) throw new SlipwayError('unavailable', 'The database gave up the transaction under way.')
      }
      return {
        goOn,
        keep() {
          goOn()
          if (!alone) control('release member')
          members++
        },
        takeBack() {
          if (group !== mine) return
          if (alone) {
            rollBack()
            end(undefined)
          } else if (database.isTransaction) {
            control('rollback to member')
            control('release member')
          }
        },
      }
    },
    durable: () => group?.promise ?? Promise.resolve(),
    flush() {
      if (!group) return
      const began = performance.now()
      try {
        beforeFlush()
        control('commit')
        onFlush?.((performance.now() - began) / 1000)
        end(undefined)
      } catch (error) {
        rollBack()
        end({ error })
      }
    },
    settle(error) {
      if (group && !database.isTransaction) end({ error })
    },
  }
}
