import { sql } from 'kysely'
import type { Release } from '../../deploy/release.ts'
import type { DeployStore } from '../../deploy/store.ts'
import { SlipwayError } from '../../errors.ts'
import { type Bound, flag, json, text, time, whole } from './codec.ts'
import { count, next, total } from './counters.ts'
import { entity } from './entity.ts'
import { holdInstance } from './hold.ts'
import { keyset, page } from './page.ts'
import { atomic, type Session } from './session.ts'
import { each, statement, update } from './statement.ts'

/** How a release lies in its row. */
export const releaseRow = entity<Release>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  updatedAt: ['updated_at', time()],
  tenantId: ['tenant_id', text()],
  instanceId: ['instance_id', text()],
  version: ['version', whole()],
  services: ['services', json()],
  notes: ['notes', text()],
  commitSha: ['commit_sha', text()],
  active: ['active', flag()],
  sealedAt: ['sealed_at', time()],
  activatedAt: ['activated_at', time()],
})

/** Compiled once, as they are part of every deployment several times. */
const finding = statement<{ tenantId: string; id: string }, object>((db, of) =>
  db.selectFrom('releases').selectAll().where('id', '=', of('id')).where('tenant_id', '=', of('tenantId')),
)
const findingActive = statement<{ tenantId: string; instanceId: string }, object>((db, of) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('instance_id', '=', of('instanceId'))
    .where('tenant_id', '=', of('tenantId'))
    .where('active', '=', sql.lit(1)),
)
const inserting = statement<Record<string, Bound>, never>((db, of) =>
  db.insertInto('releases').values(each(releaseRow.columns, of) as never),
)
const sealing = update<{ $id: string }, object>((db, of, changes) =>
  db.updateTable('releases').set(changes).where('id', '=', of('$id')).where('sealed_at', 'is', null).returning('id'),
)
const retiring = statement<{ instanceId: string; releaseId: string; updatedAt: number }, never>((db, of) =>
  db
    .updateTable('releases')
    .set({ active: 0, updated_at: of('updatedAt') })
    .where('instance_id', '=', of('instanceId'))
    .where('active', '=', sql.lit(1))
    .where('id', '<>', of('releaseId')),
)
const activating = statement<{ instanceId: string; releaseId: string; updatedAt: number; at: number }, object>(
  (db, of) =>
    db
      .updateTable('releases')
      .set({ active: 1, updated_at: of('updatedAt'), activated_at: sql<number>`coalesce(activated_at, ${of('at')})` })
      .where('id', '=', of('releaseId'))
      .where('instance_id', '=', of('instanceId'))
      .returning('id'),
)

type Releases = Pick<
  DeployStore,
  | 'insertRelease'
  | 'getRelease'
  | 'listReleases'
  | 'nextReleaseVersion'
  | 'firstRelease'
  | 'activeRelease'
  | 'sealRelease'
  | 'activateRelease'
>

/** The release half of the deploy store. */
export function releases(session: Session): Releases {
  const { db, clock } = session
  const ofInstance = (tenantId: string, instanceId: string) =>
    db.selectFrom('releases').selectAll().where('instance_id', '=', instanceId).where('tenant_id', '=', tenantId)

  return {
    async insertRelease(release) {
      await atomic(session, async one => {
        await inserting(one, releaseRow.row(release))
        await count(one, release.instanceId, 'releases', 1)
      })
    },

    async getRelease(tenantId, id) {
      const [row] = await finding(session, { tenantId, id })
      return row && releaseRow.read(row)
    },

    async listReleases(tenantId, instanceId, options) {
      const keys = keyset('releases', options)
      let query = ofInstance(tenantId, instanceId)
      if (keys.before !== undefined) query = query.where('version', '<', keys.before)
      const rows = await query
        .orderBy('version', 'desc')
        .limit(keys.limit + 1)
        .execute()
      const counted = await total(db, tenantId, instanceId, ['releases'])
      return page('releases', keys, rows, row => row.version, releaseRow.read, { total: counted })
    },

    async nextReleaseVersion(tenantId, instanceId) {
      const version = await next(session, tenantId, instanceId, 'version')
      if (version === undefined) throw new SlipwayError('not_found', `There is no instance "${instanceId}".`)
      return version
    },

    async firstRelease(tenantId, instanceId) {
      const row = await ofInstance(tenantId, instanceId).orderBy('version').limit(1).executeTakeFirst()
      return row && releaseRow.read(row)
    },

    async activeRelease(tenantId, instanceId) {
      const [row] = await findingActive(session, { tenantId, instanceId })
      return row && releaseRow.read(row)
    },

    async sealRelease(id, services, at) {
      const [sealed] = await sealing(session, releaseRow.changes({ services, sealedAt: at, updatedAt: at }), {
        $id: id,
      })
      if (!sealed) {
        throw new SlipwayError('internal', `Release "${id}" is sealed already, or not there: a release never changes.`)
      }
    },

    async activateRelease(instanceId, releaseId, at) {
      await atomic(session, async one => {
        const updatedAt = clock.now()
        await holdInstance(one, instanceId)
        await retiring(one, { instanceId, releaseId, updatedAt })
        const [active] = await activating(one, { instanceId, releaseId, updatedAt, at: Date.parse(at) })
        if (!active) {
          throw new SlipwayError('internal', `Instance "${instanceId}" has no release "${releaseId}" to activate.`)
        }
      })
    },
  }
}
