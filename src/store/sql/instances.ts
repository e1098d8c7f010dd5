import { timestamp } from '../../clock.ts'
import { SlipwayError } from '../../errors.ts'
import type { Instance } from '../../instance/instance.ts'
import type { InstanceStore } from '../../instance/store.ts'
import { json, text, time } from './codec.ts'
import { count, livingInstances } from './counters.ts'
import { entity } from './entity.ts'
import { keyset, page } from './page.ts'
import { atomic, type Session } from './session.ts'
import { statement, update } from './statement.ts'

/** How an instance lies in its row; what the engine keeps beside it is with the work store. */
export const instanceRow = entity<Instance>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  updatedAt: ['updated_at', time()],
  tenantId: ['tenant_id', text()],
  name: ['name', text()],
  state: ['state', text()],
  needsAttention: ['needs_attention', text()],
  services: ['services', json()],
  removedReplicas: ['removed_replicas', json()],
  expose: ['expose', text()],
  hosts: ['hosts', json()],
  policies: ['policies', json()],
  provider: ['provider', text()],
  currentReleaseId: ['current_release_id', text()],
  urls: ['urls', json()],
})

/** What the engine's columns hold before the engine has seen the instance. */
const untouched = {
  owner: null,
  epoch: 0,
  wake_at: null,
  signal_seq: 0,
  deleted_at: null,
  active_deployment_id: null,
  generations: '{}',
  ports: '{}',
  wanted: '[]',
}

/** Compiled once, as they are part of every deployment. */
const finding = statement<{ tenantId: string; id: string }, object>((db, of) =>
  db.selectFrom('instances').selectAll().where('id', '=', of('id')).where('tenant_id', '=', of('tenantId')),
)
const updating = update<{ $id: string }, object>((db, of, changes, from) => {
  const living = db.updateTable('instances').set(changes).where('id', '=', of('$id')).where('deleted_at', 'is', null)
  return (from.length > 0 ? living.where('state', 'in', [...from]) : living).returning('id')
})

/** The instance store. A deleted instance stays as a tombstone: `get` shows it, lists, slugs and counts do not. */
export function instances(session: Session): InstanceStore {
  const { db, clock } = session
  return {
    async get(tenantId, id) {
      const [row] = await finding(session, { tenantId, id })
      return row && instanceRow.read(row)
    },

    async list(tenantId, options) {
      const keys = keyset('instances', options)
      let query = db
        .selectFrom('instances')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('deleted_at', 'is', null)
      if (keys.before !== undefined) query = query.where('seq', '<', keys.before)
      const rows = await query
        .orderBy('seq', 'desc')
        .limit(keys.limit + 1)
        .execute()
      return page('instances', keys, rows, row => row.seq, instanceRow.read, await livingInstances(db, tenantId))
    },

    async insert(instance) {
      await unlessTaken(session, instance.name, () =>
        atomic(session, async one => {
          await one.db
            .insertInto('instances')
            .values({ ...instanceRow.row(instance), ...untouched } as never)
            .execute()
          await count(one, instance.tenantId, 'instances', 1)
        }),
      )
    },

    async update(id, patch, from) {
      if (patch.state === 'deleted') {
        throw new SlipwayError('internal', `Instance "${id}" becomes deleted by delete, which frees what it holds.`)
      }
      const changes = instanceRow.changes({ updatedAt: timestamp(clock.now()), ...patch })
      if (from?.length === 0) return false
      const changed = await unlessTaken(session, patch.name, () => updating(session, changes, { $id: id }, from))
      return changed.length > 0
    },

    async delete(tenantId, id) {
      return atomic(session, async one => {
        const { db } = one
        const now = clock.now()
        const { numUpdatedRows } = await db
          .updateTable('instances')
          .set({ state: 'deleted', deleted_at: now, updated_at: now, wake_at: null, ports: '{}', urls: '{}' })
          .where('id', '=', id)
          .where('tenant_id', '=', tenantId)
          .where('deleted_at', 'is', null)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) return false
        await db.deleteFrom('ports').where('instance_id', '=', id).execute()
        await count(one, tenantId, 'instances', -1)
        return true
      })
    },

    async bySlug(tenantId, name) {
      const row = await db
        .selectFrom('instances')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('name', '=', name)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      return row && instanceRow.read(row)
    },

    countPerTenant: tenantId => livingInstances(db, tenantId),
  }
}

async function unlessTaken<T>({ flavour }: Session, name: string | undefined, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!flavour.isUniqueViolation(error)) throw error
    throw new SlipwayError('already_exists', `There is an instance named "${name}" already.`, {
      next: 'Take another name, or delete that instance first.',
      cause: error,
    })
  }
}
