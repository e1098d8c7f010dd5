import type { ExpressionBuilder } from 'kysely'
import { everyTenant } from '../../auth/auth.ts'
import { timestamp } from '../../clock.ts'
import type { Reason } from '../../deploy/deployment.ts'
import type { InstanceStatusName } from '../../deploy/find.ts'
import { SlipwayError } from '../../errors.ts'
import type { Instance } from '../../instance/instance.ts'
import type { InstanceStore } from '../../instance/store.ts'
import { json, text, time } from './codec.ts'
import { count, livingInstances } from './counters.ts'
import { entity } from './entity.ts'
import { countOf, keyset, page } from './page.ts'
import type { Schema } from './schema.ts'
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
/** The same, and nobody else changes it before the transaction ends: everything that is done to one instance is done in a row. */
const holding = statement<{ tenantId: string; id: string }, object>((db, of) =>
  db
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', of('id'))
    .where('tenant_id', '=', of('tenantId'))
    .forNoKeyUpdate(),
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
      const [row] = await (db.isTransaction ? holding : finding)(session, { tenantId, id })
      return row && instanceRow.read(row)
    },

    async list(tenantId, { cursor, limit, ...filter } = {}) {
      const keys = keyset('instances', {
        ...(cursor !== undefined ? { cursor } : {}),
        ...(limit !== undefined ? { limit } : {}),
      })
      const { ids, statuses, name, releaseId } = filter
      let found = db.selectFrom('instances')
      if (tenantId !== everyTenant) found = found.where('tenant_id', '=', tenantId)
      found = statuses ? found.where(among(statuses)) : found.where('deleted_at', 'is', null)
      if (ids) found = found.where('id', 'in', ids)
      if (name !== undefined) found = found.where('name', 'like', `%${name}%`)
      if (releaseId !== undefined) found = found.where('current_release_id', '=', releaseId)
      const newest = keys.before === undefined ? found : found.where('seq', '<', keys.before)
      const rows = await newest
        .selectAll()
        .orderBy('seq', 'desc')
        .limit(keys.limit + 1)
        .execute()
      const total = async () => {
        if (tenantId === everyTenant || Object.keys(filter).length > 0) return await countOf(db, found)
        return { total: await livingInstances(db, tenantId) }
      }
      return page('instances', keys, rows, row => row.seq, instanceRow.read, await total())
    },

    async summary(tenantId, ids) {
      let living = db.selectFrom('instances').where('deleted_at', 'is', null)
      let moving = db.selectFrom('deployments').where('state', 'in', ['pending', 'running'])
      if (tenantId !== everyTenant) {
        living = living.where('tenant_id', '=', tenantId)
        moving = moving.where('tenant_id', '=', tenantId)
      }
      if (ids) {
        living = living.where('id', 'in', ids)
        moving = moving.where('instance_id', 'in', ids)
      }
      const states = await living
        .select(({ fn }) => [
          'state',
          fn.countAll<number>().as('counted'),
          fn.count<number>('needs_attention').as('attention'),
        ])
        .groupBy('state')
        .execute()
      const rows = await moving.select(['state', 'reason']).execute()
      const countOf = (state: string) => rows.filter(row => row.state === state).length
      const waiting = rows.filter(({ reason }) => reason !== null && waitsForAPerson(reason)).length
      const [pending, running] = [countOf('pending'), countOf('running')]
      return {
        instances: Object.fromEntries(states.map(({ state, counted }) => [state, counted])),
        needsAttention: states.reduce((sum, { attention }) => sum + attention, 0),
        deployments: { ...(pending > 0 ? { pending } : {}), ...(running > 0 ? { running } : {}) },
        waiting,
      }
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

/** Whether a row is in one of these states, or lives and needs attention where that is asked for. */
function among(statuses: readonly InstanceStatusName[]) {
  return (e: ExpressionBuilder<Schema, 'instances'>) => {
    const inState = e(
      'state',
      'in',
      statuses.filter(status => status !== 'needs_attention'),
    )
    if (!statuses.includes('needs_attention')) return inState
    return e.or([inState, e.and([e('needs_attention', 'is not', null), e('deleted_at', 'is', null)])])
  }
}

function waitsForAPerson(reason: string): boolean {
  const { code } = JSON.parse(reason) as Reason
  return code === 'awaiting_promote' || code === 'paused'
}
