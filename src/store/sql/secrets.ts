import { SlipwayError } from '../../errors.ts'
import type { SealedSecret, SecretStore } from '../../secrets/vault.ts'
import { bytes, text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import type { Session } from './session.ts'
import { statement } from './statement.ts'

const secretRow = entity<SealedSecret>({
  id: ['id', text()],
  tenantId: ['tenant_id', text()],
  name: ['name', text()],
  version: ['version', whole()],
  sealed: ['sealed', bytes()],
  createdAt: ['created_at', time()],
  revokedAt: ['revoked_at', time()],
})

/** Compiled once, as it is asked in every deployment. */
const listing = statement<{ tenantId: string }, object>((db, of) =>
  db.selectFrom('secrets').selectAll().where('tenant_id', '=', of('tenantId')).orderBy('name').orderBy('version'),
)

/** Sealed secrets, a row per version. */
export function secrets(session: Session): SecretStore {
  const { db } = session
  const ofTenant = (tenantId: string) => db.selectFrom('secrets').selectAll().where('tenant_id', '=', tenantId)

  return {
    async insert(secret) {
      // Not as a violated constraint, which can end a transaction: whoever is told goes on in it with the next version.
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('secrets')
        .values(secretRow.row(secret) as never)
        .onConflict(c => c.doNothing())
        .executeTakeFirst()
      if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return
      throw new SlipwayError('already_exists', `Secret "${secret.name}" has a version ${secret.version} already.`, {
        next: 'Rotate the secret to give it a new value.',
      })
    },

    async get(tenantId, name, version) {
      const row = await ofTenant(tenantId).where('name', '=', name).where('version', '=', version).executeTakeFirst()
      return row && secretRow.read(row)
    },

    async versions(tenantId, name) {
      const rows = await ofTenant(tenantId).where('name', '=', name).orderBy('version').execute()
      return rows.map(row => secretRow.read(row))
    },

    async list(tenantId) {
      return (await listing(session, { tenantId })).map(row => secretRow.read(row))
    },

    async revoke(tenantId, name, version, at) {
      await db
        .updateTable('secrets')
        .set({ sealed: null, revoked_at: Date.parse(at) })
        .where('tenant_id', '=', tenantId)
        .where('name', '=', name)
        .where('version', '=', version)
        .where('revoked_at', 'is', null)
        .execute()
    },

    async delete(tenantId, name) {
      await db.deleteFrom('secrets').where('tenant_id', '=', tenantId).where('name', '=', name).execute()
    },
  }
}
