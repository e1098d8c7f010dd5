import { sql } from 'kysely'
import { timestamp } from '../../clock.ts'
import type { Signal } from '../../deploy/run.ts'
import type { WorkStore } from '../../deploy/work.ts'
import { SlipwayError } from '../../errors.ts'
import { newId } from '../../id.ts'
import { text, time, whole } from './codec.ts'
import { entity } from './entity.ts'
import { dueBy } from './leases.ts'
import { atomic, type Session } from './session.ts'
import { statement } from './statement.ts'

const signalRow = entity<Signal>({
  id: ['id', text()],
  deploymentId: ['deployment_id', text()],
  instanceId: ['instance_id', text()],
  kind: ['kind', text()],
  gate: ['gate', text()],
  by: ['sent_by', text()],
  cause: ['cause', text()],
  seq: ['seq', whole()],
  at: ['at', time()],
})

/** Compiled once: it is part of every look at a deployment that runs. */
const listing = statement<{ deploymentId: string }, object>((db, of) =>
  db.selectFrom('signals').selectAll().where('deployment_id', '=', of('deploymentId')).orderBy('seq'),
)

/** What was told to running deployments, numbered within the instance. */
export function signals(session: Session): Pick<WorkStore, 'signal' | 'signals'> {
  const { clock } = session
  return {
    async signal(told) {
      return atomic(session, async db => {
        const now = clock.now()
        const numbered = await db
          .updateTable('instances')
          .set({ signal_seq: sql`signal_seq + 1`, wake_at: dueBy(now) })
          .where('id', '=', told.instanceId)
          .returning('signal_seq')
          .executeTakeFirst()
        if (!numbered) throw new SlipwayError('not_found', `There is no instance "${told.instanceId}".`)
        const signal: Signal = { ...told, id: newId('sig'), seq: numbered.signal_seq, at: timestamp(now) }
        await db
          .insertInto('signals')
          .values(signalRow.row(signal) as never)
          .execute()
        return signal
      })
    },

    async signals(deploymentId) {
      const rows = await listing(session, { deploymentId })
      return rows.map(row => signalRow.read(row))
    },
  }
}
