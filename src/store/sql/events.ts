import { timestamp } from '../../clock.ts'
import type { Event, EventStore } from '../../event/event.ts'
import { newId } from '../../id.ts'
import { type Bound, json, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import { eventCap } from './event-cap.ts'
import type { Session } from './session.ts'
import { each, statement } from './statement.ts'

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

/** Compiled once: an event is part of every transaction that changes a state. */
const appending = statement<Record<string, Bound>, { seq: number }>((db, of) => {
  const { seq: _given, ...columns } = each(eventRow.columns, of)
  return db
    .insertInto('events')
    .values(columns as never)
    .returning('seq')
})

/** The same where several transactions write at once. */
const posting = statement<Record<string, Bound>, never>((db, of) => {
  const { seq: _later, ...columns } = each(eventRow.columns, of)
  return db.insertInto('outbox').values(columns as never)
})

/** Compiled once: it is part of nearly every request, and of every look of those who follow the log. */
const newest = statement<Record<string, never>, { seq: number }>(db =>
  db.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(1),
)

/** The log of events. On a database with one writer the row number is the order of commits; elsewhere the {@link Outbox} gives it after the commit. */
export function events(session: Session): EventStore {
  const { db, clock, outbox } = session
  /** Whoever reads outside of transactions sees everything that was committed before. */
  const unsettled = db.isTransaction ? undefined : outbox
  const matching = (scope: {
    tenantId?: string
    instanceId?: string
    instanceIds?: readonly string[]
    deploymentId?: string
  }) => {
    let query = db.selectFrom('events').selectAll()
    if (scope.tenantId !== undefined) query = query.where('tenant_id', '=', scope.tenantId)
    if (scope.instanceId !== undefined) query = query.where('instance_id', '=', scope.instanceId)
    if (scope.instanceIds) query = query.where('instance_id', 'in', scope.instanceIds)
    if (scope.deploymentId !== undefined) query = query.where('deployment_id', '=', scope.deploymentId)
    return query
  }

  return {
    ...eventCap(session),

    async append(event) {
      const id = newId('evt')
      const at = timestamp(clock.now())
      const row = eventRow.row({ ...event, id, at, seq: 0 })
      if (!outbox) {
        const [appended] = await appending(session, row)
        if (!appended) throw new Error('the database told no number of a new event')
        return { ...event, id, seq: appended.seq, at }
      }
      if (db.isTransaction) {
        await posting(session, row)
        outbox.soon()
        return { ...event, id, seq: 0, at }
      }
      const [last] = await newest(session, {})
      await posting(session, row)
      await outbox.settle()
      const later = db
        .selectFrom('events')
        .select('seq')
        .where('seq', '>', last?.seq ?? 0)
      const { seq } = await later.where('id', '=', id).executeTakeFirstOrThrow()
      return { ...event, id, seq, at }
    },

    async read({ after, limit, types, ...scope }) {
      if (unsettled) await unsettled.settle()
      let query = matching(scope).where('seq', '>', after)
      if (types) query = query.where('type', 'in', types)
      return (await query.orderBy('seq').limit(limit).execute()).map(row => eventRow.read(row))
    },

    async recent({ limit, ...scope }) {
      if (unsettled) await unsettled.settle()
      return (await matching(scope).orderBy('seq', 'desc').limit(limit).execute()).map(row => eventRow.read(row))
    },

    async lastSeq() {
      if (unsettled) await unsettled.settle()
      const [row] = await newest(session, {})
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
