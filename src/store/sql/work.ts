import type { InstanceRecord, WorkPatch, WorkStore } from '../../deploy/work.ts'
import { json, text, whole } from './codec.ts'
import { entity } from './entity.ts'
import { instanceRow } from './instances.ts'
import { leases } from './leases.ts'
import { needs } from './needs.ts'
import { ports } from './ports.ts'
import { pruneHistory } from './prune-history.ts'
import { runs } from './runs.ts'
import type { Session } from './session.ts'
import { shrink } from './shrink.ts'
import { signals } from './signals.ts'
import { statement, update } from './statement.ts'

const recordRow = entity<Omit<InstanceRecord, 'instance'>>({
  table: ['wanted', json()],
  generations: ['generations', json()],
  ports: ['ports', json()],
  epoch: ['epoch', whole()],
  owner: ['owner', text()],
  signalSeq: ['signal_seq', whole()],
  activeDeploymentId: ['active_deployment_id', text()],
})

/** Compiled once, as they are part of every step. */
const loading = statement<{ id: string }, object>((db, of) =>
  db.selectFrom('instances').selectAll().where('id', '=', of('id')),
)
/** The same, and nobody else changes it before the transaction ends. */
const holding = statement<{ id: string }, object>((db, of) =>
  db.selectFrom('instances').selectAll().where('id', '=', of('id')).forNoKeyUpdate(),
)
const patching = update<{ $id: string }, object>((db, of, changes) =>
  db.updateTable('instances').set(changes).where('id', '=', of('$id')).returning('id'),
)

/** The engine's store: leases, runs, signals, ports, and the wanted state that is kept with the instance. */
export function work(session: Session): WorkStore {
  return {
    ...leases(session),
    ...runs(session),
    ...signals(session),
    ...ports(session),
    ...needs(session),
    ...shrink(session),
    ...pruneHistory(session),

    async load(instanceId) {
      const [row] = await (session.db.isTransaction ? holding : loading)(session, { id: instanceId })
      return row && { instance: instanceRow.read(row), ...recordRow.read(row) }
    },

    async patch(instanceId, patch: WorkPatch) {
      const changes = recordRow.changes(patch)
      if (Object.keys(changes).length === 0) return
      await patching(session, changes, { $id: instanceId })
    },
  }
}
