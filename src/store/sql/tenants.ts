import type { RunRequest } from '../../deploy/run.ts'
import { SlipwayError } from '../../errors.ts'
import type { DeclaredService } from '../../instance/service.ts'
import type { TenantStore } from '../../tenant/store.ts'
import type { Tenant } from '../../tenant/tenant.ts'
import { json, text, time } from './codec.ts'
import { entity } from './entity.ts'
import { newestFirst } from './page.ts'
import type { Session } from './session.ts'
import { statement } from './statement.ts'

const tenantRow = entity<Tenant>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  updatedAt: ['updated_at', time()],
  title: ['title', text()],
  state: ['state', text()],
  reason: ['reason', text()],
  quota: ['quota', json()],
  createdBy: ['created_by', text()],
})

/** Compiled once: every new deployment asks. */
const finding = statement<{ id: string }, object>((db, of) =>
  db.selectFrom('tenants').selectAll().where('id', '=', of('id')),
)

/** Tenants, a row each once they were created. */
export function tenants(session: Session): TenantStore {
  const { db, flavour } = session

  async function get(id: string): Promise<Tenant | undefined> {
    const [row] = await finding(session, { id })
    return row && tenantRow.read(row)
  }

  /** By its name: one that was never created has no row to hold. */
  async function hold(id: string): Promise<Tenant | undefined> {
    await flavour.hold(db, `tenant ${id}`)
    return await get(id)
  }

  return {
    async insert(tenant) {
      try {
        await db
          .insertInto('tenants')
          .values(tenantRow.row(tenant) as never)
          .execute()
      } catch (error) {
        if (!flavour.isUniqueViolation(error)) throw error
        throw new SlipwayError('already_exists', `There is a tenant "${tenant.id}" already, or there was.`, {
          next: 'Take another name: the history of a deleted tenant stays under its own.',
          cause: error,
        })
      }
    },

    // What a transaction reads of a tenant stays so until its end.
    get: id => (db.isTransaction ? hold(id) : get(id)),
    hold,

    async list(options) {
      const all = db.selectFrom('tenants').where('state', '!=', 'deleted')
      return await newestFirst(db, 'tenants', options, all, tenantRow.read)
    },

    async update(id, patch) {
      await db.updateTable('tenants').set(tenantRow.changes(patch)).where('id', '=', id).execute()
    },

    async loads(id) {
      const instances = await db
        .selectFrom('instances')
        .select(['id', 'services', 'removed_replicas'])
        .where('tenant_id', '=', id)
        .where('deleted_at', 'is', null)
        .orderBy('seq')
        .execute()
      const moving = await db
        .selectFrom('deployments')
        .innerJoin('runs', 'runs.deployment_id', 'deployments.id')
        .select(['deployments.instance_id', 'runs.request'])
        .where('deployments.tenant_id', '=', id)
        .where('deployments.state', 'in', ['pending', 'running'])
        .orderBy('deployments.seq')
        .execute()
      const asked = Map.groupBy(moving, ({ instance_id }) => instance_id)
      return instances.map(({ id: instanceId, services, removed_replicas: removed }) => ({
        instanceId,
        services: JSON.parse(services) as DeclaredService[],
        ...(removed === null ? {} : { removedReplicas: JSON.parse(removed) as Record<string, number> }),
        requests: (asked.get(instanceId) ?? []).map(({ request }) => JSON.parse(request) as RunRequest),
      }))
    },
  }
}
