import { timestamp } from '../../clock.ts'
import type { Event, EventStore } from '../../event/event.ts'
import { newId } from '../../id.ts'
import { json, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import type { Session } from './session.ts'

const eventRow = entity<Event>({
  id: ['id', text()],
  seq: ['seq', whole()],
  at: ['at', time()],
  type: ['type', text()],
  tenantId: ['tenant_id', text()],
  instanceId: ['instance_id', text()],
  deploymentId: ['deployment_id', text()],
  releaseId: ['release_id', text()],
  data: ['data', json()],
})

/** The log of events. On a database with one writer the row number is the order of commits; elsewhere it must be given after the commit. */
export function events({ db, clock }: Session): EventStore {
  const matching = (scope: { tenantId?: string; instanceId?: string; deploymentId?: string }) => {
    let query = db.selectFrom('events').selectAll()
    if (scope.tenantId !== undefined) query = query.where('tenant_id', '=', scope.tenantId)
    if (scope.instanceId !== undefined) query = query.where('instance_id', '=', scope.instanceId)
    if (scope.deploymentId !== undefined) query = query.where('deployment_id', '=', scope.deploymentId)
    return query
  }

  return {
    async append(event) {
      const id = newId('evt')
      const at = timestamp(clock.now())
      const { seq: _given, ...row } = eventRow.row({ ...event, id, at, seq: 0 })
      const { seq } = await db
        .insertInto('events')
        .values(row as never)
        .returning('seq')
        .executeTakeFirstOrThrow()
      return { ...event, id, seq, at }
    },

    async read({ after, limit, types, ...scope }) {
      let query = matching(scope).where('seq', '>', after)
      if (types) query = query.where('type', 'in', types)
      return (await query.orderBy('seq').limit(limit).execute()).map(row => eventRow.read(row))
    },

    async recent({ limit, ...scope }) {
      return (await matching(scope).orderBy('seq', 'desc').limit(limit).execute()).map(row => eventRow.read(row))
    },

    async lastSeq() {
      const row = await db.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
      return row?.seq ?? 0
    },

    async cursor(subscriber) {
      const row = await db.selectFrom('cursors').select('seq').where('subscriber', '=', subscriber).executeTakeFirst()
      return row?.seq ?? 0
    },

    async setCursor(subscriber, seq) {
      await db
        .insertInto('cursors')
        .values({ subscriber, seq })
        .onConflict(c => c.column('subscriber').doUpdateSet({ seq }))
        .execute()
    },
  }
}
