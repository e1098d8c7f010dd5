import { sql } from 'kysely'
import { everyTenant } from '../../auth/auth.ts'
import { timestamp } from '../../clock.ts'
import type { Deployment, DeploymentKind } from '../../deploy/deployment.ts'
import type { Backlog } from '../../deploy/find.ts'
import type { RunRequest } from '../../deploy/run.ts'
import type { DeployStore } from '../../deploy/store.ts'
import { type Bound, flag, json, text, time, whole } from './codec.ts'
import { count, total } from './counters.ts'
import { entity } from './entity.ts'
import { countOf, keyset, page } from './page.ts'
import { atomic, type Session } from './session.ts'
import { each, statement, update } from './statement.ts'

/** How a deployment lies in its row. */
export const deploymentRow = entity<Deployment>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  updatedAt: ['updated_at', time()],
  tenantId: ['tenant_id', text()],
  instanceId: ['instance_id', text()],
  releaseId: ['release_id', text()],
  kind: ['kind', text()],
  state: ['state', text()],
  strategy: ['strategy', text()],
  options: ['options', json()],
  services: ['services', json()],
  serviceProgress: ['service_progress', json()],
  providerRef: ['provider_ref', text()],
  startedAt: ['started_at', time()],
  finishedAt: ['finished_at', time()],
  error: ['error', text()],
  errorCode: ['error_code', text()],
  initiator: ['initiator', text()],
  notes: ['notes', text()],
  commitSha: ['commit_sha', text()],
  fromReleaseId: ['from_release_id', text()],
  restored: ['restored', flag()],
  rolledBackBy: ['rolled_back_by', text()],
  retryOf: ['retry_of', text()],
  reason: ['reason', json()],
  step: ['step', whole()],
  stepCount: ['step_count', whole()],
})

/** The kinds a list shows when the caller does not say: those that bring out a release. */
const listedKinds: readonly DeploymentKind[] = ['deploy', 'rollback', 'initial']

/** Parts of one compound statement at most. */
const mostParts = 100

/** Compiled once, as they are part of every step, or of every look at one. */
const finding = statement<{ tenantId: string; id: string }, object>((db, of) =>
  db.selectFrom('deployments').selectAll().where('id', '=', of('id')).where('tenant_id', '=', of('tenantId')),
)
const inserting = statement<Record<string, Bound>, never>((db, of) =>
  db.insertInto('deployments').values({ ...each(deploymentRow.columns, of), watched_ms: 0 } as never),
)
const asking = statement<{ deploymentId: string; request: string }, never>((db, of) =>
  db
    .insertInto('runs')
    .values({ deployment_id: of('deploymentId'), request: of('request'), plan: null, undo_steps: null }),
)
const updating = update<{ $id: string }, object>((db, of, changes, from) =>
  db
    .updateTable('deployments')
    .set(changes)
    .where('id', '=', of('$id'))
    .where('state', 'in', [...from])
    .returning('id'),
)

/** The trace lies beside what was asked for, in the same column. */
function written(request: RunRequest, traceparent: string | undefined): string {
  return JSON.stringify(traceparent === undefined ? request : { ...request, traceparent })
}

type Deployments = Pick<
  DeployStore,
  | 'insertDeployment'
  | 'getDeployment'
  | 'updateDeployment'
  | 'listDeployments'
  | 'listByState'
  | 'findDeployments'
  | 'backlog'
>

/** The deployment half of the deploy store. */
export function deployments(session: Session): Deployments {
  const { db, clock } = session
  const findDeployments: Deployments['findDeployments'] = async (
    tenantId,
    { instanceIds, states, kinds, releaseId, ...options } = {},
  ) => {
    const keys = keyset('deployments', options)
    let found = db.selectFrom('deployments')
    if (tenantId !== everyTenant) found = found.where('tenant_id', '=', tenantId)
    if (kinds) found = found.where('kind', 'in', kinds)
    if (releaseId !== undefined) found = found.where('release_id', '=', releaseId)
    const ofStates = states ? found.where('state', 'in', states) : found
    const all = instanceIds ? ofStates.where('instance_id', 'in', instanceIds) : ofStates
    // The newest of each by its index, then the newest of those: sorting all there ever were would grow without end.
    const parts =
      instanceIds && instanceIds.length <= mostParts
        ? [...new Set(instanceIds)].map(id => ofStates.where('instance_id', '=', id))
        : states && !instanceIds && releaseId === undefined
          ? [...new Set(states)].map(state => found.where('state', '=', state))
          : [all]
    const [first, ...others] = parts.map(part => {
      const newest = keys.before === undefined ? part : part.where('seq', '<', keys.before)
      return db
        .selectFrom(
          newest
            .selectAll()
            .orderBy('seq', 'desc')
            .limit(keys.limit + 1)
            .as('newest'),
        )
        .selectAll()
    })
    if (!first) return { items: [], total: 0 }
    const rows = await others
      .reduce((union, more) => union.unionAll(more), first)
      .orderBy('seq', 'desc')
      .limit(keys.limit + 1)
      .execute()
    return page('deployments', keys, rows, row => row.seq, deploymentRow.read, await countOf(db, all))
  }

  return {
    async insertDeployment(deployment, request, traceparent) {
      await atomic(session, async one => {
        await inserting(one, deploymentRow.row(deployment))
        await asking(one, { deploymentId: deployment.id, request: written(request, traceparent) })
        await count(one, deployment.instanceId, `deployments.${deployment.kind}`, 1)
      })
    },

    async getDeployment(tenantId, id) {
      const [row] = await finding(session, { tenantId, id })
      return row && deploymentRow.read(row)
    },

    async updateDeployment(id, from, patch) {
      const changes = deploymentRow.changes({ updatedAt: timestamp(clock.now()), ...patch })
      return (await updating(session, changes, { $id: id }, from)).length > 0
    },

    async listDeployments(tenantId, instanceId, options = {}) {
      const kinds = options.kinds ?? listedKinds
      const keys = keyset('deployments', options)
      let query = db
        .selectFrom('deployments')
        .selectAll()
        .where('instance_id', '=', instanceId)
        .where('tenant_id', '=', tenantId)
        .where('kind', 'in', kinds)
      if (keys.before !== undefined) query = query.where('seq', '<', keys.before)
      const rows = await query
        .orderBy('seq', 'desc')
        .limit(keys.limit + 1)
        .execute()
      const names = kinds.map(kind => `deployments.${kind}` as const)
      const counted = await total(db, tenantId, instanceId, names)
      return page('deployments', keys, rows, row => row.seq, deploymentRow.read, { total: counted })
    },

    async listByState(tenantId, states, options) {
      if (states.length === 0) return { items: [], total: 0 }
      return await findDeployments(tenantId, { ...options, states })
    },

    findDeployments,

    async backlog() {
      const rows = await db
        .selectFrom('deployments')
        // As literals: with parameters the partial index would not be seen to fit.
        .where(sql<boolean>`state in ('pending', 'running')`)
        .select(({ fn }) => ['state', 'strategy', fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
        .groupBy(['state', 'strategy'])
        .orderBy('state')
        .orderBy('strategy')
        .execute()
      return rows.map(({ state, oldest, ...row }) => ({
        ...row,
        state: state as Backlog['state'],
        oldest: timestamp(oldest),
      }))
    },
  }
}
