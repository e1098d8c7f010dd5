import { sql } from 'kysely'
import type { Task, TaskStore } from '../../task/task.ts'
import { json, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import { workerTtlMs } from './leases.ts'
import { newestFirst } from './page.ts'
import type { Session } from './session.ts'

const taskRow = entity<Task>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  tenantId: ['tenant_id', text()],
  instanceId: ['instance_id', text()],
  service: ['service', text()],
  releaseId: ['release_id', text()],
  command: ['command', json()],
  timeoutSeconds: ['timeout_seconds', whole()],
  state: ['state', text()],
  startedAt: ['started_at', time()],
  finishedAt: ['finished_at', time()],
  exitCode: ['exit_code', whole()],
  output: ['output', json()],
  error: ['error', text()],
  errorCode: ['error_code', text()],
  initiator: ['initiator', text()],
  cancelledBy: ['cancelled_by', text()],
})

/** One-off tasks, a row each. A worker has those that carry its id, as long as its heart beats. */
export function tasks({ db, clock }: Session): TaskStore {
  /** Not ended, and with no living worker. */
  const free = () =>
    db
      .selectFrom('tasks')
      .where('state', 'in', ['pending', 'running'])
      .where(e =>
        e.or([
          e('owner', 'is', null),
          e(
            'owner',
            'not in',
            e
              .selectFrom('workers')
              .select('id')
              .where('beat_at', '>', clock.now() - workerTtlMs),
          ),
        ]),
      )
  return {
    async insert(task) {
      await db
        .insertInto('tasks')
        .values(taskRow.row(task) as never)
        .execute()
    },

    async get(tenantId, id) {
      const one = db.selectFrom('tasks').selectAll().where('id', '=', id).where('tenant_id', '=', tenantId)
      const row = await (db.isTransaction ? one.forUpdate() : one).executeTakeFirst()
      return row && taskRow.read(row)
    },

    async list(tenantId, instanceId, options) {
      const all = db.selectFrom('tasks').where('tenant_id', '=', tenantId).where('instance_id', '=', instanceId)
      return await newestFirst(db, 'tasks', options, all, taskRow.read)
    },

    async unended(instanceId) {
      const { counted } = await db
        .selectFrom('tasks')
        .select(({ fn }) => fn.countAll<number>().as('counted'))
        .where('instance_id', '=', instanceId)
        // As literals: with parameters the partial index would not be seen to fit.
        .where(sql<boolean>`state in ('pending', 'running')`)
        .executeTakeFirstOrThrow()
      return counted
    },

    async waits() {
      return (await free().select('id').limit(1).executeTakeFirst()) !== undefined
    },

    async claim(worker, limit) {
      const waiting = free().select('seq').orderBy('seq').limit(limit).forUpdate().skipLocked()
      const rows = await db
        // Read once, whatever plan is made: twice it would find others, as those of the first time are locked.
        .with(
          cte => cte('waiting').materialized(),
          () => waiting,
        )
        .updateTable('tasks')
        .set({ owner: worker })
        .where('seq', 'in', e => e.selectFrom('waiting').select('waiting.seq'))
        .returningAll()
        .execute()
      return rows.toSorted((a, b) => a.seq - b.seq).map(row => taskRow.read(row))
    },

    async cancelling(worker) {
      const rows = await db
        .selectFrom('tasks')
        .selectAll()
        .where('state', 'in', ['pending', 'running'])
        .where('owner', '=', worker)
        .where('cancelled_by', 'is not', null)
        .orderBy('seq')
        .execute()
      return rows.map(row => taskRow.read(row))
    },

    async update(id, from, patch) {
      const { numUpdatedRows } = await db
        .updateTable('tasks')
        .set(taskRow.changes(patch))
        .where('id', '=', id)
        .where('state', 'in', from)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },

    async prune(before, limit) {
      const old = db
        .selectFrom('tasks')
        .select('seq')
        .where('state', 'not in', ['pending', 'running'])
        .where('finished_at', '<', Date.parse(before))
        .orderBy('finished_at')
        .limit(limit)
      const { numDeletedRows } = await db.deleteFrom('tasks').where('seq', 'in', old).executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}
