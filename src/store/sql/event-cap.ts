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
      const now = clock.now()
      const mayGo = ({ seq, at }: { readonly seq: number; readonly at: number }): boolean =>
        // The newest stays: where the next number follows from the highest, its place would be given again.
        seq < last.seq &&
        (seq <= last.seq - keep || at < now - keepMs) &&
        (seq <= (slowest.seq ?? last.seq) || seq <= last.seq - 2 * keep || at < now - 2 * keepMs)
      const oldest = await db.selectFrom('events').select(['seq', 'at']).orderBy('seq').limit(limit).execute()
      // Up to the first that stays. When the clock was set back a later one may be older: without it the log would have a hole.
      const stays = oldest.find(event => !mayGo(event))
      const end = stays ? stays.seq : (oldest.at(-1)?.seq ?? 0) + 1
      const { numDeletedRows } = await db.deleteFrom('events').where('seq', '<', end).executeTakeFirst()
      return Number(numDeletedRows)
    },

    async prunedTo() {
      const first = await db.selectFrom('events').select('seq').orderBy('seq').limit(1).executeTakeFirst()
      return first ? first.seq - 1 : 0
    },
  }
}
