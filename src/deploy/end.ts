import type { Timestamp } from '../clock.ts'
import type { EventType, NewEvent } from '../event/event.ts'
import type { Deployment } from './deployment.ts'
import type { Stores } from './work.ts'

/** An event that tells of a deployment. */
export function eventOf(type: EventType, deployment: Deployment, data?: Readonly<Record<string, unknown>>): NewEvent {
  return {
    type,
    tenantId: deployment.tenantId,
    instanceId: deployment.instanceId,
    deploymentId: deployment.id,
    releaseId: deployment.releaseId,
    ...(data ? { data } : {}),
  }
}

/** Writes the end of a deployment that never began; says whether it was still pending. */
export async function cancelPending(
  deployment: Deployment,
  why: { readonly code: string; readonly error: string },
  tx: Stores,
  at: Timestamp,
): Promise<boolean> {
  const { code, error } = why
  const moved = await tx.deploys.updateDeployment(deployment.id, ['pending'], {
    state: 'cancelled',
    finishedAt: at,
    error,
    errorCode: code,
    restored: true,
    reason: null,
  })
  if (!moved) return false
  if (deployment.kind === 'provision') await tx.instances.update(deployment.instanceId, { state: 'failed' })
  await tx.events.append(
    eventOf('deploy.cancelled', deployment, {
      kind: deployment.kind,
      strategy: deployment.strategy,
      error,
      code,
      restored: true,
    }),
  )
  return true
}
