import { type Kysely, sql } from 'kysely'
import type { Timestamp } from '../../clock.ts'
import { timestamp } from '../../clock.ts'
import type { HealthChange, HealthSpan, HistoryStore, Outcome, Sample } from '../../deploy/history.ts'
import { json, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import type { Schema } from './schema.ts'
import { atomic, type Session } from './session.ts'

const sampleRow = entity<Sample>({
  deploymentId: ['deployment_id', text()],
  at: ['at', time()],
  spanMs: ['span_ms', whole()],
  shares: ['shares', json()],
  checks: ['checks', json()],
})

const outcomeRow = entity<Omit<Outcome, 'restored'>>({
  id: ['id', text()],
  instanceId: ['instance_id', text()],
  releaseId: ['release_id', text()],
  kind: ['kind', text()],
  state: ['state', text()],
  startedAt: ['started_at', time()],
  finishedAt: ['finished_at', time()],
  error: ['error', text()],
  initiator: ['initiator', text()],
})
const outcomeColumns = [
  'id',
  'instance_id',
  'release_id',
  'kind',
  'state',
  'started_at',
  'finished_at',
  'error',
  'initiator',
  'restored',
] as const

/** Rows of one statement at most: a parameter for each of their values has to fit. */
const atOnce = 100
/** Parts of one compound statement at most. */
const parts = 100

/** What is left behind to look at. */
export function history(session: Session): HistoryStore {
  const { db } = session
  return {
    async addSamples(samples) {
      await atomic(session, async ({ db }) => {
        for (const some of chunks(samples, atOnce)) {
          await db
            .insertInto('samples')
            .values(some.map(sample => sampleRow.row(sample)) as never)
            .execute()
        }
      })
    },

    async samples(deploymentId) {
      const rows = await db
        .selectFrom('samples')
        .selectAll()
        .where('deployment_id', '=', deploymentId)
        .orderBy('at')
        .orderBy('seq')
        .execute()
      return rows.map(row => sampleRow.read(row))
    },

    async countSamples(deploymentIds) {
      const counts = new Map<string, number>()
      for (const some of chunks(deploymentIds, atOnce)) {
        const rows = await db
          .selectFrom('samples')
          .select(({ fn }) => ['deployment_id', fn.countAll<number>().as('counted')])
          .where('deployment_id', 'in', some)
          .groupBy('deployment_id')
          .execute()
        for (const row of rows) counts.set(row.deployment_id, row.counted)
      }
      return counts
    },

    async thinSamples(deploymentId) {
      await atomic(session, async ({ db }) => {
        const rows = await db
          .selectFrom('samples')
          .select('seq')
          .where('deployment_id', '=', deploymentId)
          .orderBy('seq')
          .execute()
        const every = rows.filter((_, index) => index % 2 === 1).map(({ seq }) => seq)
        for (const some of chunks(every, atOnce)) await db.deleteFrom('samples').where('seq', 'in', some).execute()
      })
    },

    async noteHealth(changes) {
      await atomic(session, async ({ db }) => {
        for (const change of changes) await end(change, db)
        const begun = changes.flatMap(({ instanceId, service, health, at }) =>
          health === undefined
            ? []
            : [{ instance_id: instanceId, service: service ?? '', health, from_at: Date.parse(at), until_at: null }],
        )
        for (const some of chunks(begun, atOnce)) await db.insertInto('health_spans').values(some).execute()
      })
    },

    async lasting(instanceIds) {
      const spans: HealthSpan[] = []
      for (const some of chunks(instanceIds, atOnce)) {
        const rows = await db
          .selectFrom('health_spans')
          .selectAll()
          .where('instance_id', 'in', some)
          .where('until_at', 'is', null)
          .orderBy('seq')
          .execute()
        spans.push(...rows.map(spanOf))
      }
      return spans
    },

    async spans(instanceId, since) {
      const rows = await db
        .selectFrom('health_spans')
        .selectAll()
        .where('instance_id', '=', instanceId)
        .where(e => e.or([e('until_at', 'is', null), e('until_at', '>', Date.parse(since))]))
        .orderBy('from_at')
        .orderBy('seq')
        .execute()
      return rows.map(spanOf)
    },

    async noteWatch(watcher, from, until) {
      const beat = Date.parse(until)
      await db
        .insertInto('watches')
        .values({ id: watcher, from_at: Date.parse(from), beat_at: beat })
        .onConflict(c => c.column('id').doUpdateSet({ beat_at: beat }))
        .execute()
    },

    async watches(since) {
      const rows = await db
        .selectFrom('watches')
        .selectAll()
        .where('beat_at', '>', Date.parse(since))
        .orderBy('from_at')
        .execute()
      return rows.map(row => ({ from: timestamp(row.from_at), until: timestamp(row.beat_at) }))
    },

    async pruneHealth(before, limit) {
      return await atomic(session, async ({ db }) => {
        const old = Date.parse(before)
        const spans = db
          .selectFrom('health_spans')
          .select('seq')
          .where('until_at', '<', old)
          .orderBy('until_at')
          .limit(limit)
        const gone = await db.deleteFrom('health_spans').where('seq', 'in', spans).executeTakeFirst()
        await db.deleteFrom('watches').where('beat_at', '<', old).execute()
        return Number(gone.numDeletedRows)
      })
    },

    async notePruned(digests, at) {
      await atomic(session, async ({ db }) => {
        for (const digest of digests) {
          const row = { digest, at: Date.parse(at) }
          await db
            .insertInto('pruned_images')
            .values(row)
            .onConflict(c => c.column('digest').doUpdateSet(row))
            .execute()
        }
      })
    },

    async pruned(digests) {
      const found = new Map<string, Timestamp>()
      for (const some of chunks(digests, atOnce)) {
        const rows = await db.selectFrom('pruned_images').selectAll().where('digest', 'in', some).execute()
        for (const row of rows) found.set(row.digest, timestamp(row.at))
      }
      return found
    },

    async outcomes(instanceIds, kinds, limit) {
      const all: Outcome[] = []
      for (const some of chunks(instanceIds, parts)) {
        const [first, ...others] = some.map(id =>
          db
            .selectFrom(
              db
                .selectFrom('deployments')
                .select([...outcomeColumns, 'seq'])
                .where('instance_id', '=', id)
                .where('kind', 'in', kinds)
                .orderBy('seq', 'desc')
                .limit(limit)
                .as('newest'),
            )
            .selectAll(),
        )
        if (!first) continue
        const rows = await others
          .reduce((union, more) => union.unionAll(more), first)
          .orderBy('seq', 'desc')
          .execute()
        all.push(...rows.map(outcomeOf))
      }
      return all
    },

    async broughtOut(releaseIds) {
      const all: Outcome[] = []
      for (const some of chunks(releaseIds, atOnce)) {
        const rows = await db
          .selectFrom('deployments')
          .select(outcomeColumns)
          .where('release_id', 'in', some)
          .where('kind', 'in', ['deploy', 'initial'])
          .orderBy('seq')
          .execute()
        all.push(...rows.map(outcomeOf))
      }
      return all
    },

    async ranForMs(instanceId, releaseIds, now) {
      const turns = await db
        .selectFrom('deployments')
        .select(['release_id', 'finished_at'])
        .where('instance_id', '=', instanceId)
        .where('kind', 'in', ['deploy', 'rollback', 'initial'])
        .where('state', 'in', ['succeeded', 'rolled_back'])
        .where('finished_at', 'is not', null)
        .orderBy('finished_at')
        .orderBy('seq')
        .execute()
      const wanted = new Set(releaseIds)
      const ran = new Map<string, number>()
      for (const [index, turn] of turns.entries()) {
        if (!wanted.has(turn.release_id)) continue
        const until = turns[index + 1]?.finished_at ?? Date.parse(now)
        ran.set(turn.release_id, (ran.get(turn.release_id) ?? 0) + Math.max(0, until - (turn.finished_at ?? until)))
      }
      return ran
    },

    async succeeded(instanceId, strategy, kind, limit) {
      const rows = await db
        .selectFrom('deployments')
        .select(outcomeColumns)
        .where('instance_id', '=', instanceId)
        .where('strategy', '=', strategy)
        .where('kind', '=', kind)
        .where('state', 'in', ['succeeded', 'rolled_back'])
        .where('step_count', '>', 0)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(outcomeOf)
    },

    async running() {
      const rows = await db
        .selectFrom('deployments')
        .select(['seq', 'id', 'instance_id'])
        // As a literal: with parameters the partial index would not be seen to fit.
        .where(sql<boolean>`state in ('pending', 'running')`)
        .where('state', '=', 'running')
        .execute()
      // Sorted here: SQLite would go through all there ever were, in their order, for that.
      return rows.toSorted((a, b) => a.seq - b.seq).map(row => ({ id: row.id, instanceId: row.instance_id }))
    },
  }
}

async function end({ instanceId, service, at }: HealthChange, db: Kysely<Schema>): Promise<void> {
  await db
    .updateTable('health_spans')
    .set({ until_at: Date.parse(at) })
    .where('instance_id', '=', instanceId)
    .where('service', '=', service ?? '')
    .where('until_at', 'is', null)
    .execute()
}

function spanOf(row: {
  instance_id: string
  service: string
  health: string
  from_at: number
  until_at: number | null
}): HealthSpan {
  return {
    instanceId: row.instance_id,
    ...(row.service === '' ? {} : { service: row.service }),
    health: row.health as HealthSpan['health'],
    from: timestamp(row.from_at),
    ...(row.until_at === null ? {} : { until: timestamp(row.until_at) }),
  }
}

function outcomeOf(row: object): Outcome {
  const { restored } = row as { restored: number | null }
  return { ...outcomeRow.read(row), ...(restored === null ? {} : { restored: restored === 1 }) }
}

function* chunks<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
}
