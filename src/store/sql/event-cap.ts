import type { EventStore } from '../../event/event.ts'
import type { Session } from './session.ts'

/** Keeps the log of events from growing for ever. */
export function eventCap({ db, clock }: Session): Pick<EventStore, 'prune' | 'prunedTo'> {
  return {
    async prune({ keep, keepMs }, limit) {
      const last = await db.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
      if (!last) return 0
      const slowest = await db
        .selectFrom('cursors')
        .select(({ fn }) => fn.min<number | null>('seq').as('seq'))
        .executeTakeFirstOrThrow()
      const { numDeletedRows } = await db
        .deleteFrom('events')
        .where('seq', 'in', oldest =>
          oldest
            .selectFrom(all => all.selectFrom('events').select(['seq', 'at']).orderBy('seq').limit(limit).as('oldest'))
            .select('seq')
            // The newest stays: where the next number follows from the highest, its place would be given again.
            .where('seq', '<', last.seq)
            .where(e => e.or([e('seq', '<=', last.seq - keep), e('at', '<', clock.now() - keepMs)]))
            .where(e =>
              e.or([
                e('seq', '<=', slowest.seq ?? last.seq),
                e('seq', '<=', last.seq - 2 * keep),
                e('at', '<', clock.now() - 2 * keepMs),
              ]),
            ),
        )
        .executeTakeFirst()
      return Number(numDeletedRows)
    },

    async prunedTo() {
      const first = await db.selectFrom('events').select('seq').orderBy('seq').limit(1).executeTakeFirst()
      return first ? first.seq - 1 : 0
    },
  }
}
