import { type Kysely, sql } from 'kysely'
import type { Table } from '../../deploy/step.ts'
import type { HistoryCap, WorkStore } from '../../deploy/work.ts'
import { count } from './counters.ts'
import { holdInstance } from './hold.ts'
import type { Schema } from './schema.ts'
import { type Session, transaction } from './session.ts'

/** Instances whose counters are looked at in one statement. */
const countersAtOnce = 500

/** Deployments and releases that are old, and that nobody goes back to. */
export function pruneHistory(session: Session): Pick<WorkStore, 'pruneHistory'> {
  return {
    async pruneHistory(cap, after, limit) {
      const { instanceId, seen } = await nextWithMore(session.db, cap.keep, after)
      if (instanceId === undefined)
        return { deployments: 0, releases: 0, ...(seen === undefined ? {} : { next: seen }) }
      return await transaction(session, async one => {
        await holdInstance(one, instanceId)
        const oldest = session.clock.now() - cap.keepMs
        const deployments = await pruneDeployments(one, instanceId, cap.keep, oldest, limit)
        const releases =
          deployments < limit ? await pruneReleases(one, instanceId, cap, oldest, limit - deployments) : 0
        // As many as were asked for: there may be more of it.
        return { deployments, releases, next: deployments + releases < limit ? instanceId : after }
      })
    },
  }
}

/** The next instance that has as many deployments as are kept, or more: from its counters, as most have few. `seen`: there may be one after it. */
async function nextWithMore(
  db: Kysely<Schema>,
  keep: number,
  after: string,
): Promise<{ instanceId?: string; seen?: string }> {
  const rows = await db
    .selectFrom('counters')
    .select(({ fn }) => ['scope', fn.sum('value').as('counted')])
    .where('scope', '>', after)
    .where('name', 'like', 'deployments.%')
    .groupBy('scope')
    .orderBy('scope')
    .limit(countersAtOnce)
    .execute()
  const instanceId = rows.find(({ counted }) => Number(counted) >= keep)?.scope
  if (instanceId !== undefined) return { instanceId }
  const seen = rows.length < countersAtOnce ? undefined : rows.at(-1)?.scope
  return seen === undefined ? {} : { seen }
}

async function pruneDeployments(
  session: Session,
  instanceId: string,
  keep: number,
  oldest: number,
  limit: number,
): Promise<number> {
  const { db } = session
  const lastKept = db
    .selectFrom('deployments as newest')
    .select('newest.seq')
    .where('newest.instance_id', '=', instanceId)
    .orderBy('newest.seq', 'desc')
    .offset(keep)
    .limit(1)
  const first = firstVersion(db, instanceId).select('id')
  const gone = await db
    .selectFrom('deployments')
    .select(['id', 'kind'])
    .where('instance_id', '=', instanceId)
    .where('seq', '<=', lastKept)
    .where('finished_at', '<', oldest)
    .where('state', 'not in', ['pending', 'running'])
    .where('release_id', 'not in', first)
    .where('id', 'not in', e =>
      e
        .selectFrom('instances')
        .select(sql<string>`coalesce(active_deployment_id, '')`.as('id'))
        .where('instances.id', '=', instanceId),
    )
    .orderBy('seq')
    .limit(limit)
    .execute()
  if (gone.length === 0) return 0
  const ids = gone.map(({ id }) => id)
  for (const table of ['steps', 'signals', 'samples', 'runs'] as const)
    await db.deleteFrom(table).where('deployment_id', 'in', ids).execute()
  await db.deleteFrom('deployments').where('id', 'in', ids).execute()
  for (const [kind, some] of Map.groupBy(gone, row => row.kind as 'deploy'))
    await count(session, instanceId, `deployments.${kind}`, -some.length)
  return gone.length
}

/** Those that no deployment is left of, and that nobody can go back to. */
async function pruneReleases(
  session: Session,
  instanceId: string,
  { keepReleases }: HistoryCap,
  oldest: number,
  limit: number,
): Promise<number> {
  const { db } = session
  const needed = await neededReleases(db, instanceId, keepReleases)
  const old = await db
    .selectFrom('releases')
    .select('id')
    .where('instance_id', '=', instanceId)
    .where('created_at', '<', oldest)
    .where('active', '=', 0)
    .where('id', 'not in', [...needed])
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('deployments').select('deployments.id').whereRef('deployments.release_id', '=', 'releases.id'),
        ),
      ),
    )
    // What a deployment that stays came from, and what a task runs in.
    .where('id', 'not in', e =>
      e
        .selectFrom('deployments')
        .select('deployments.from_release_id')
        .where('deployments.instance_id', '=', instanceId)
        .where('deployments.from_release_id', 'is not', null),
    )
    .where('id', 'not in', e =>
      e
        .selectFrom('tasks')
        .select('tasks.release_id')
        .where('tasks.instance_id', '=', instanceId)
        .where(sql<boolean>`tasks.state in ('pending', 'running')`),
    )
    .orderBy('version')
    .limit(limit)
    .execute()
  if (old.length === 0) return 0
  const ids = old.map(({ id }) => id)
  await db.deleteFrom('releases').where('id', 'in', ids).execute()
  await count(session, instanceId, 'releases', -ids.length)
  return ids.length
}

/** What can be gone back to: the first, those of the table, the newest ones, and the newest of those that were active. */
async function neededReleases(db: Kysely<Schema>, instanceId: string, keep: number): Promise<Set<string>> {
  const instance = await db.selectFrom('instances').select('wanted').where('id', '=', instanceId).executeTakeFirst()
  const newest = db
    .selectFrom('releases')
    .select('id')
    .where('instance_id', '=', instanceId)
    .orderBy('version', 'desc')
    .limit(keep)
  const rows = [
    ...(await firstVersion(db, instanceId).select('id').execute()),
    ...(await newest.execute()),
    ...(await newest.where('activated_at', 'is not', null).execute()),
  ]
  const table = instance ? (JSON.parse(instance.wanted) as Table) : []
  return new Set([...rows.map(({ id }) => id), ...table.map(row => row.release)])
}

function firstVersion(db: Kysely<Schema>, instanceId: string) {
  return db.selectFrom('releases').where('instance_id', '=', instanceId).orderBy('version').limit(1)
}
