import type { Token, TokenStore } from '../../auth/token.ts'
import { json, text, time } from './codec.ts'
import { entity } from './entity.ts'
import { newestFirst } from './page.ts'
import type { Session } from './session.ts'
import { statement } from './statement.ts'

const tokenRow = entity<Token>({
  id: ['id', text()],
  createdAt: ['created_at', time()],
  tenantId: ['tenant_id', text()],
  name: ['name', text()],
  scopes: ['scopes', json()],
  instances: ['instances', json()],
  allowedIps: ['allowed_ips', json()],
  createdBy: ['created_by', text()],
  expiresAt: ['expires_at', time()],
  lastUsedAt: ['last_used_at', time()],
  rotatedAt: ['rotated_at', time()],
  revokedAt: ['revoked_at', time()],
})

/** Compiled once: it is part of every request. */
const finding = statement<{ hash: string; now: number }, object>((db, of) =>
  db
    .selectFrom('tokens')
    .selectAll()
    .where(e =>
      e.or([
        e('hash', '=', of('hash')),
        e.and([e('previous_hash', '=', of('hash')), e('previous_until', '>', of('now'))]),
      ]),
    ),
)

/** Tokens, by their hash. After a rotation the hash before is kept until its time is over. */
export function tokens(session: Session): TokenStore {
  const { db } = session
  return {
    async insert(token, hash) {
      await db
        .insertInto('tokens')
        .values({ ...tokenRow.row(token), hash } as never)
        .execute()
    },

    async byHash(hash, at) {
      const [row] = await finding(session, { hash, now: Date.parse(at) })
      return row && tokenRow.read(row)
    },

    async get(tenantId, id) {
      const one = db.selectFrom('tokens').selectAll().where('id', '=', id).where('tenant_id', '=', tenantId)
      const row = await (db.isTransaction ? one.forUpdate() : one).executeTakeFirst()
      return row && tokenRow.read(row)
    },

    async list(tenantId, options) {
      const all = db.selectFrom('tokens').where('tenant_id', '=', tenantId)
      return await newestFirst(db, 'tokens', options, all, tokenRow.read)
    },

    async used(id, at) {
      await db
        .updateTable('tokens')
        .set(tokenRow.changes({ lastUsedAt: at }))
        .where('id', '=', id)
        .execute()
    },

    async rotate(seen, hash, at, until, expiresAt) {
      const { numUpdatedRows } = await db
        .updateTable('tokens')
        .set(e => ({
          ...tokenRow.changes({ rotatedAt: at, expiresAt }),
          previous_hash: e.ref('hash'),
          previous_until: Date.parse(until),
          hash,
        }))
        .where('id', '=', seen.id)
        .where('tenant_id', '=', seen.tenantId)
        .where('revoked_at', 'is', null)
        .where(
          'rotated_at',
          seen.rotatedAt === undefined ? 'is' : '=',
          seen.rotatedAt === undefined ? null : Date.parse(seen.rotatedAt),
        )
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },

    async revoke(tenantId, id, at) {
      await db
        .updateTable('tokens')
        .set(tokenRow.changes({ revokedAt: at }))
        .where('id', '=', id)
        .where('tenant_id', '=', tenantId)
        .where('revoked_at', 'is', null)
        .execute()
    },

    async revokeAll(tenantId, at) {
      await db
        .updateTable('tokens')
        .set(tokenRow.changes({ revokedAt: at }))
        .where('tenant_id', '=', tenantId)
        .where('revoked_at', 'is', null)
        .execute()
    },
  }
}
