import { type Kysely, sql } from 'kysely'
import type { FrozenPlan, Run, RunRequest, StepRecord, UndoCause } from '../../deploy/run.ts'
import type { Step } from '../../deploy/step.ts'
import type { WorkStore } from '../../deploy/work.ts'
import { type Bound, json, text, time, whole } from './codec.ts'
import { deploymentRow } from './deployments.ts'
import { entity } from './entity.ts'
import { holdInstanceOf } from './hold.ts'
import type { Schema } from './schema.ts'
import type { Session } from './session.ts'
import { each, statement } from './statement.ts'

/** A run without its deployment; request, plan and steps back lie in a table of their own, so progress does not rewrite them. */
const runRow = entity<Omit<Run, 'deployment' | 'traceparent'>>({
  request: ['request', json<RunRequest>()],
  plan: ['plan', json<FrozenPlan>()],
  undo: ['undo', json<UndoCause>()],
  undoSteps: ['undo_steps', json<readonly Step[]>()],
  watchedMs: ['watched_ms', whole()],
})

const stepRow = entity<StepRecord>({
  deploymentId: ['deployment_id', text()],
  phase: ['phase', text()],
  position: ['position', whole()],
  digest: ['digest', text()],
  step: ['step', json<Step>()],
  state: ['state', text()],
  beganAt: ['began_at', time()],
  endedAt: ['ended_at', time()],
  note: ['note', text()],
  runningAt: ['running_at', time()],
})

const all = (db: Kysely<Schema>) =>
  db
    .selectFrom('deployments')
    .innerJoin('runs', 'runs.deployment_id', 'deployments.id')
    .selectAll('deployments')
    .select(['runs.request', 'runs.plan', 'runs.undo_steps'])

/** Compiled once, as they are part of every step. */
const queueing = statement<{ instanceId: string }, object>((db, of) =>
  all(db)
    .where('deployments.instance_id', '=', of('instanceId'))
    // As literals: with parameters the partial index would not be seen to fit.
    .where(sql<boolean>`deployments.state in ('pending', 'running')`)
    .orderBy('deployments.seq'),
)
const finding = statement<{ id: string }, object>((db, of) => all(db).where('deployments.id', '=', of('id')))
const saving = statement<Record<string, Bound>, never>((db, of) => {
  const row = each(stepRow.columns, of)
  return db
    .insertInto('steps')
    .values(row as never)
    .onConflict(c => c.columns(['deployment_id', 'phase', 'position']).doUpdateSet(row))
})
const listing = statement<{ deploymentId: string }, object>((db, of) =>
  db
    .selectFrom('steps')
    .selectAll()
    .where('deployment_id', '=', of('deploymentId'))
    .orderBy('phase')
    .orderBy('position'),
)

const freezing = statement<{ deploymentId: string; plan: string }, never>((db, of) =>
  db
    .updateTable('runs')
    .set({ plan: of('plan') })
    .where('deployment_id', '=', of('deploymentId')),
)

type Runs = Pick<
  WorkStore,
  'queue' | 'run' | 'savePlan' | 'saveUndo' | 'saveUndoSteps' | 'saveWatched' | 'saveStep' | 'steps'
>

/** Deployments as the engine sees them, and their step log. */
export function runs(session: Session): Runs {
  const { db } = session
  const read = (row: object): Run => {
    const run = runRow.read(row)
    const { traceparent, ...request } = run.request as RunRequest & { traceparent?: string }
    return {
      deployment: deploymentRow.read(row),
      ...run,
      request,
      ...(traceparent === undefined ? {} : { traceparent }),
    }
  }

  return {
    async queue(instanceId) {
      return (await queueing(session, { instanceId })).map(read)
    },

    async run(deploymentId) {
      await holdInstanceOf(session, deploymentId)
      const [row] = await finding(session, { id: deploymentId })
      return row && read(row)
    },

    async savePlan(deploymentId, plan) {
      await freezing(session, { deploymentId, plan: JSON.stringify(plan) })
    },

    async saveUndo(deploymentId, undo) {
      const { numUpdatedRows } = await db
        .updateTable('deployments')
        .set(runRow.changes({ undo }))
        .where('id', '=', deploymentId)
        .where('undo', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },

    async saveUndoSteps(deploymentId, undoSteps) {
      await db
        .updateTable('runs')
        .set(runRow.changes({ undoSteps }))
        .where('deployment_id', '=', deploymentId)
        .execute()
    },

    async saveWatched(deploymentId, watchedMs) {
      await db.updateTable('deployments').set(runRow.changes({ watchedMs })).where('id', '=', deploymentId).execute()
    },

    async saveStep(record) {
      await saving(session, stepRow.row(record))
    },

    async steps(deploymentId) {
      return (await listing(session, { deploymentId })).map(row => stepRow.read(row))
    },
  }
}
