import type { WorkStore } from '../../deploy/work.ts'
import type { Session } from './session.ts'

/** Which ports are taken, by whom and for what. */
export function ports({
  db,
}: Session): Pick<WorkStore, 'reservePort' | 'takenPorts' | 'reservations' | 'releasePorts'> {
  return {
    async reservePort(port, instanceId, purpose) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('ports')
        .values({ port, instance_id: instanceId, purpose })
        .onConflict(c => c.column('port').doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    async takenPorts() {
      const rows = await db.selectFrom('ports').select('port').execute()
      return new Set(rows.map(({ port }) => port))
    },

    async reservations() {
      return db.selectFrom('ports').select(['port', 'instance_id as instanceId', 'purpose']).orderBy('port').execute()
    },

    async releasePorts(instanceId, purpose) {
      const query = db.deleteFrom('ports').where('instance_id', '=', instanceId)
      await (purpose === undefined ? query : query.where('purpose', '=', purpose)).execute()
    },
  }
}
