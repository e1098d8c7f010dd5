import { sql } from 'kysely'
import { hasEnded } from '../../deploy/deployment.ts'
import type { WorkStore } from '../../deploy/work.ts'
import { atomic, type Session } from './session.ts'

/**
 * Takes from deployments that ended what only their performance needed: plan, steps back, step log and signals. What is asked of history
 * (state, times, error, services, request) stays.
 */
export function shrink(session: Session): Pick<WorkStore, 'shrinkRuns'> {
  const { clock } = session
  return {
    async shrinkRuns({ keep, keepMs }, after, limit) {
      return atomic(session, async ({ db }) => {
        // Ids grow with time, and the index holds no others: this walks from the oldest plan to the newest.
        const frozen = db.selectFrom('runs').where(sql<boolean>`runs.plan is not null`)
        const { count } = await frozen.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
        const seen = await frozen
          .innerJoin('deployments', 'deployments.id', 'runs.deployment_id')
          .select(['runs.deployment_id as id', 'deployments.state', 'deployments.finished_at'])
          .where('runs.deployment_id', '>', after)
          .orderBy('runs.deployment_id')
          .limit(limit)
          .execute()
        const oldest = clock.now() - keepMs
        let tooMany = count - keep
        const ids: string[] = []
        for (const { id, state, finished_at: finishedAt } of seen) {
          if (!hasEnded(state as Parameters<typeof hasEnded>[0])) continue
          if (tooMany <= 0 && (finishedAt ?? Number.POSITIVE_INFINITY) >= oldest) continue
          ids.push(id)
          tooMany -= 1
        }
        if (ids.length > 0) {
          await db.updateTable('runs').set({ plan: null, undo_steps: null }).where('deployment_id', 'in', ids).execute()
          await db.deleteFrom('steps').where('deployment_id', 'in', ids).execute()
          await db.deleteFrom('signals').where('deployment_id', 'in', ids).execute()
          await db.deleteFrom('samples').where('deployment_id', 'in', ids).execute()
        }
        const last = seen.at(-1)?.id
        return { shrunk: ids.length, ...(seen.length === limit && last !== undefined ? { next: last } : {}) }
      })
    },
  }
}
