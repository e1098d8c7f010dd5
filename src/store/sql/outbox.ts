import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.ts'
import type { SqlFlavour } from './session.ts'

/** How many events are numbered in one statement. */
const atOnce = 1_000

/**
 * Events that were committed and have no number yet. Where several transactions write at once a number taken while writing says nothing
 * about the order of commits: a reader that has seen 7 would never look for the 6 that is committed after it. So they are numbered once they
 * are committed, by whoever comes first: the process that wrote them, or the next reader of the log.
 */
export interface Outbox {
  /** Numbers everything that was committed before the call. */
  settle(): Promise<void>
  /** The same, without anybody waiting for it. */
  soon(): void
}

/** The outbox of a database. */
export function outboxOf(db: Kysely<Schema>, flavour: SqlFlavour): Outbox {
  let running: Promise<void> | undefined
  let following: Promise<void> | undefined

  const begin = (): Promise<void> => {
    running = numberAll(db, flavour).finally(() => {
      running = undefined
    })
    return running
  }
  /** One that is under way may have looked already: those that come meanwhile share the next. */
  const run = (): Promise<void> => {
    if (!running) return begin()
    following ??= running
      .catch((error: unknown) => void error) // because it was told to those that asked for it
      .then(() => {
        following = undefined
        return begin()
      })
    return following
  }

  return {
    async settle() {
      const waiting = await db.selectFrom('outbox').select('place').limit(1).executeTakeFirst()
      if (waiting) await run()
    },
    soon() {
      run().catch((error: unknown) => void error) // because the next reader numbers them, and is told
    },
  }
}

async function numberAll(db: Kysely<Schema>, flavour: SqlFlavour): Promise<void> {
  let numbered: number
  do {
    numbered = await db.transaction().execute(async tx => {
      await flavour.hold(tx, 'events')
      // A statement of its own: it sees what was committed until somebody else let go of the name.
      const rows = await numberSome(tx)
      const instanceIds = rows.flatMap(({ instance_id: id }) => (id === null ? [] : [id]))
      if (rows.length > 0) await flavour.tell?.(tx, [...new Set(instanceIds)])
      return rows.length
    })
  } while (numbered === atOnce)
}

/** Moves the eldest to the log, under the next numbers. */
async function numberSome(tx: Kysely<Schema>): Promise<{ instance_id: string | null }[]> {
  const columns = ['id', 'type', 'at', 'tenant_id', 'instance_id', 'deployment_id', 'release_id', 'data'] as const
  return await tx
    .with('taken', db =>
      db
        .deleteFrom('outbox')
        .where('place', 'in', e => e.selectFrom('outbox').select('place').orderBy('place').limit(atOnce))
        .returning(['place', ...columns]),
    )
    .insertInto('events')
    .columns(['seq', ...columns])
    .expression(e =>
      e
        .selectFrom('taken')
        .select([
          sql<number>`(select coalesce(max(seq), 0) from events) + row_number() over (order by place)`.as('seq'),
          ...columns,
        ]),
    )
    .returning('instance_id')
    .execute()
}
