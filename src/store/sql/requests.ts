import type { KeptRequest, RequestStore } from '../../idempotency/requests.ts'
import { json, text, time } from './codec.ts'
import { entity } from './entity.ts'
import type { Session } from './session.ts'

const requestRow = entity<KeptRequest>({
  digest: ['digest', text()],
  begunAt: ['begun_at', time()],
  answer: ['answer', json()],
})

/** Requests with an idempotency key, a row each. */
export function requests({ db }: Session): RequestStore {
  return {
    async begin(id, digest, at) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('requests')
        .values({ id, ...requestRow.row({ digest, begunAt: at }) } as never)
        .onConflict(c => c.column('id').doNothing())
        .executeTakeFirst()
      if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined
      const row = await db.selectFrom('requests').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
      return requestRow.read(row)
    },

    async finish(id, answer) {
      await db.updateTable('requests').set(requestRow.changes({ answer })).where('id', '=', id).execute()
    },

    async drop(id) {
      await db.deleteFrom('requests').where('id', '=', id).execute()
    },

    async forget(before) {
      await db.deleteFrom('requests').where('begun_at', '<', Date.parse(before)).execute()
    },
  }
}
