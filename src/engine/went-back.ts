import type { Ahead } from './ahead.ts'
import { type Attendance, specsOf } from './context.ts'

/**
 * The world carries epochs that this database never gave: it is an older one, put back from a backup or taken over by a replica of the
 * database that lagged. Lifts the epoch above all of them, so that what is done from now on is not refused, and leaves the instance to
 * somebody who knows what is wanted. Throws `lease_lost` when it was only we who were late.
 */
export async function wentBack(ahead: Ahead, { parts, lease, keeper }: Attendance): Promise<void> {
  const { store } = parts
  const { claim } = lease
  await store.transaction(async tx => {
    await tx.work.fence(claim)
    const record = await tx.work.load(claim.instanceId)
    if (record && record.instance.state !== 'deleting') {
      const because = sentence(ahead)
      await tx.instances.update(claim.instanceId, { needsAttention: because })
      await tx.events.append({
        type: 'instance.needs_attention',
        tenantId: claim.tenantId,
        instanceId: claim.instanceId,
        data: {
          because,
          epoch: ahead.known,
          foundEpoch: ahead.epoch,
          found: ahead.replicas.map(({ name }) => name),
        },
      })
    }
    await tx.work.raise(claim, ahead.epoch)
  })
  const record = await store.work.load(claim.instanceId)
  if (record) keeper.refresh(record, await specsOf(store, record, []))
  parts.onCommit()
  parts.log.warn(
    { instance: claim.instanceId, epoch: ahead.known, found: ahead.epoch },
    'the database went back to an earlier state; nothing of this instance is removed until it is adopted',
  )
}

function sentence({ known, epoch, replicas, routed }: Ahead): string {
  const found = [
    ...(replicas.length > 0 ? [`${replicas.length} ${replicas.length === 1 ? 'replica' : 'replicas'}`] : []),
    ...(routed ? ['the routes in use'] : []),
  ].join(' and ')
  return `The database went back: it knows the instance up to epoch ${known}, and ${found} are of later ones, up to ${epoch}. What serves goes on serving, and nothing is removed until somebody adopts it.`
}
