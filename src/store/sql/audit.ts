import type { SelectQueryBuilder } from 'kysely'
import type { AuditEntry, AuditFilter, AuditStore } from '../../audit/entry.ts'
import { everyTenant } from '../../auth/auth.ts'
import { timestamp } from '../../clock.ts'
import { newId } from '../../id.ts'
import { type Bound, flag, json, text, time } from './codec.ts'
import { entity } from './entity.ts'
import { newestFirst } from './page.ts'
import type { Schema } from './schema.ts'
import type { Session } from './session.ts'
import { statement } from './statement.ts'

const auditRow = entity<AuditEntry>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  tenantId: ['tenant_id', text()],
  actor: ['actor', text()],
  tokenId: ['token_id', text()],
  operator: ['operator', flag()],
  origin: ['origin', json()],
  action: ['action', text()],
  object: ['object', json()],
  instanceId: ['instance_id', text()],
  before: ['before', json()],
  after: ['after', json()],
})

/** Compiled once: an entry is part of every change that a caller makes. */
const appending = statement<Record<string, Bound>, { id: string }>((db, of) =>
  db
    .insertInto('audit')
    .values(Object.fromEntries([...auditRow.columns, 'object_id'].map(column => [column, of(column)])) as never)
    .returning('id'),
)

/** What callers did, a row each. Rows are only added, and dropped when they are old. */
export function audit(session: Session): AuditStore {
  const { db, clock } = session
  return {
    async append(entry) {
      const row = auditRow.row({ ...entry, id: newId('aud'), createdAt: timestamp(clock.now()) })
      await appending(session, { ...row, object_id: entry.object.id })
    },

    async list(tenantId, options = {}) {
      const every = db.selectFrom('audit')
      const all = matching(tenantId === everyTenant ? every : every.where('tenant_id', '=', tenantId), options)
      return await newestFirst(db, 'audit', options, all, auditRow.read)
    },

    async prune(before, limit) {
      const oldest = await db.selectFrom('audit').select(['seq', 'created_at']).orderBy('seq').limit(limit).execute()
      // Up to the first that stays: looking further would read the whole log each time.
      const stays = oldest.find(entry => entry.created_at >= Date.parse(before))
      const end = stays ? stays.seq : (oldest.at(-1)?.seq ?? 0) + 1
      const { numDeletedRows } = await db.deleteFrom('audit').where('seq', '<', end).executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}

function matching<O>(
  query: SelectQueryBuilder<Schema, 'audit', O>,
  { actor, actions, objectId, instanceId, since, until }: AuditFilter,
): SelectQueryBuilder<Schema, 'audit', O> {
  let narrowed = query
  if (actor !== undefined) narrowed = narrowed.where('actor', '=', actor)
  if (actions) narrowed = narrowed.where('action', 'in', actions)
  if (objectId !== undefined) narrowed = narrowed.where('object_id', '=', objectId)
  if (instanceId !== undefined) narrowed = narrowed.where('instance_id', '=', instanceId)
  if (since !== undefined) narrowed = narrowed.where('created_at', '>=', Date.parse(since))
  if (until !== undefined) narrowed = narrowed.where('created_at', '<', Date.parse(until))
  return narrowed
}
