import { SlipwayError } from '../errors.ts'
import type { BusyPolicy, Instance } from '../instance/instance.ts'
import type { Deployment } from './deployment.ts'
import { cancelPending, eventOf } from './end.ts'
import type { Release } from './release.ts'
import type { Run, RunRequest } from './run.ts'
import type { Stores } from './work.ts'

/** A deployment to be written, with the release it makes, if it makes one. */
export interface Enqueued {
  readonly deployment: Deployment
  readonly request: RunRequest
  readonly release?: Omit<Release, 'version'>
}

/**
 * Writes a new deployment of an instance behind what runs or waits, or in its place, as the policy says, inside the caller's
 * transaction; takes the next version when it makes a release. Throws `instance_busy` under `reject`.
 */
export async function enqueue(
  { deployment, request, release }: Enqueued,
  instance: Instance,
  ifBusy: BusyPolicy,
  tx: Stores,
): Promise<void> {
  const busy = await tx.work.queue(instance.id)
  if (busy.length > 0 && ifBusy === 'reject') throw instanceBusy(instance, busy)
  if (ifBusy === 'supersede') await supersede(busy, deployment, tx)
  if (release) {
    const version = await tx.deploys.nextReleaseVersion(instance.tenantId, instance.id)
    await tx.deploys.insertRelease({ ...release, version })
    await tx.events.append(eventOf('release.created', deployment, { version }))
  }
  await tx.deploys.insertDeployment(deployment, request)
  const { kind, strategy } = deployment
  await tx.events.append(eventOf('deploy.queued', deployment, { kind, strategy, behind: busy.length }))
  await tx.work.wake(instance.id)
}

function instanceBusy(instance: Instance, busy: readonly Run[]): SlipwayError {
  const [first] = busy
  return new SlipwayError(
    'instance_busy',
    `Instance "${instance.name}" is busy: ${first?.deployment.kind} ${first?.deployment.id} is ${first?.deployment.state}.`,
    {
      next: 'Wait for it, queue behind it (if_busy: queue) or replace it (if_busy: supersede).',
      details: { deployment_id: first?.deployment.id },
    },
  )
}

/** Cancels the deploys and rollbacks that run or wait; a scale, stop or restart goes on. */
async function supersede(busy: readonly Run[], by: Deployment, tx: Stores): Promise<void> {
  const at = by.createdAt
  for (const { deployment } of busy) {
    if (deployment.kind !== 'deploy' && deployment.kind !== 'rollback') continue
    const error = `superseded by ${by.id}`
    if (deployment.state === 'pending') {
      await cancelPending(deployment, { code: 'superseded', error }, tx, at)
      continue
    }
    await tx.work.saveUndo(deployment.id, { end: 'cancelled', code: 'superseded', error, at })
    await tx.work.signal({
      deploymentId: deployment.id,
      instanceId: deployment.instanceId,
      kind: 'cancel',
      by: by.initiator,
      cause: error,
    })
  }
}
