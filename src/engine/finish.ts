import { timestamp } from '../clock.ts'
import type { DeploymentKind, ServiceProgress } from '../deploy/deployment.ts'
import { cancelPending, eventOf as event } from '../deploy/end.ts'
import { recordFirstRelease } from '../deploy/initial.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Table } from '../deploy/step.ts'
import { settle } from '../deploy/table.ts'
import type { InstanceRecord, Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { EventType } from '../event/event.ts'
import type { Instance } from '../instance/instance.ts'
import type { DeclaredService } from '../instance/service.ts'
import { activate } from './activate.ts'
import type { Attendance } from './context.ts'
import { tellStepEnd } from './progress.ts'
import { releaseUnusedPorts } from './unused-ports.ts'

/** What the way forward left to be written with the end. */
export interface Reached {
  readonly last: StepRecord | undefined
  readonly progress: Readonly<Record<string, ServiceProgress>>
  /** The last signal that was heard; a later one keeps the deployment from succeeding. */
  readonly signalSeq: number
}

/**
 * Ends a deployment as succeeded, in one transaction with all that follows from it: the active release, the instance's services, the
 * warm rows, what it replaced. Resolves to false when something was said meanwhile; the caller listens first and comes again.
 */
export async function succeed(
  run: Run,
  plan: FrozenPlan,
  reached: Reached,
  { parts, lease }: Attendance,
): Promise<boolean> {
  const { deployment } = run
  const now = parts.clock.now()
  const ended = await parts.store.transaction(async tx => {
    const seq = await tx.work.fence(lease.claim)
    if (seq !== reached.signalSeq) return false
    const record = await tx.work.load(deployment.instanceId)
    if (!record) throw new SlipwayError('not_found', `Instance ${deployment.instanceId} is gone.`)
    if (reached.last) await tx.work.saveStep(reached.last)
    const progress = Object.fromEntries(Object.keys(reached.progress).map(service => [service, 'succeeded' as const]))
    const moved = await tx.deploys.updateDeployment(deployment.id, ['running'], {
      state: 'succeeded',
      finishedAt: timestamp(now),
      providerRef: `${record.instance.provider}:${record.instance.id}`,
      ...(Object.keys(progress).length > 0 ? { serviceProgress: progress } : {}),
      ...(plan.steps ? { step: plan.steps.length } : {}),
      reason: null,
    })
    if (!moved) return false
    const keepUntil = plan.keepWarmMs > 0 ? timestamp(now + plan.keepWarmMs) : undefined
    const table = settle(record.table, plan.next, keepUntil === undefined ? {} : { keepUntil })
    await tx.work.patch(record.instance.id, { table })
    await tx.events.append(
      event('deploy.succeeded', deployment, { kind: deployment.kind, strategy: deployment.strategy }),
    )
    await follow(run, plan, { ...record, table }, tx, timestamp(now))
    return true
  })
  if (ended) {
    parts.onCommit()
    if (reached.last) tellStepEnd(reached.last, deployment, parts.observer)
    parts.observer?.ended(deployment, 'succeeded', now)
  }
  return ended
}

async function follow(run: Run, plan: FrozenPlan, record: InstanceRecord, tx: Stores, at: string): Promise<void> {
  const { deployment } = run
  const { instance } = record
  const say = async (type: EventType, data?: Record<string, unknown>): Promise<void> =>
    void (await tx.events.append(event(type, deployment, data)))
  switch (deployment.kind) {
    case 'deploy':
    case 'rollback':
      return await activate(deployment, record, plan, tx, at)
    case 'provision': {
      const services = plan.specs[deployment.releaseId] ?? []
      const made = await recordFirstRelease(instance, services, deployment.initiator, tx, at, deployment.releaseId)
      if (made.deploymentId !== undefined) await tx.work.patch(instance.id, { activeDeploymentId: made.deploymentId })
      await tx.instances.update(instance.id, { state: 'running' })
      return await say('instance.provisioned')
    }
    case 'scale':
      await tx.instances.update(instance.id, { services: withCounts(instance.services, plan.replicas) })
      return await say('instance.scaled', { replicas: plan.replicas })
    case 'restart':
      return await say('instance.restarted')
    case 'stop':
      await tx.instances.update(instance.id, { state: 'stopped' })
      return await say('instance.stopped')
    case 'start':
      await tx.instances.update(instance.id, { state: 'running' })
      return await say('instance.started')
    case 'delete':
      await tx.instances.delete(instance.tenantId, instance.id)
      return await say('instance.deleted')
    case 'initial':
      return
  }
}

function withCounts(
  services: readonly DeclaredService[],
  replicas: Readonly<Record<string, number>>,
): DeclaredService[] {
  return services.map(service => ({ ...service, replicas: replicas[service.name] ?? service.replicas }))
}

/** Ends a deployment whose undo is over: failed or cancelled, as its first cause says. */
export async function endUndone(
  run: Run,
  how: {
    readonly restored: boolean
    readonly table: Table
    /** Why what served before could not be brought back. */
    readonly trouble?: string
  },
  { parts, lease, keeper }: Attendance,
): Promise<void> {
  const { deployment, undo } = run
  if (!undo) throw new SlipwayError('internal', `Deployment ${deployment.id} is undone without a cause.`)
  const at = timestamp(parts.clock.now())
  const error =
    how.trouble === undefined
      ? undo.error
      : `${undo.error.replace(/\.$/u, '')}; what served before could not be brought back: ${how.trouble}`
  const ended = await parts.store.transaction(async tx => {
    await tx.work.fence(lease.claim)
    const fresh = await tx.work.run(deployment.id)
    const progress = Object.fromEntries(
      Object.entries(fresh?.deployment.serviceProgress ?? {}).map(([service, state]) => [
        service,
        state === 'pending' ? state : ('failed' as const),
      ]),
    )
    const moved = await tx.deploys.updateDeployment(deployment.id, ['running'], {
      state: undo.end,
      finishedAt: at,
      error,
      errorCode: undo.code,
      restored: how.restored,
      ...(Object.keys(progress).length > 0 ? { serviceProgress: progress } : {}),
      reason: null,
    })
    if (!moved) return false
    await tx.work.patch(deployment.instanceId, { table: how.table })
    const record = await tx.work.load(deployment.instanceId)
    if (record) await releaseUnusedPorts(record, tx, keeper.specs)
    if (deployment.kind === 'delete') {
      await tx.instances.update(deployment.instanceId, { needsAttention: `It could not be deleted: ${undo.error}` })
      await tx.events.append(event('instance.needs_attention', deployment, { because: undo.error }))
    }
    const state = afterUndo(deployment.kind)
    if (state) await tx.instances.update(deployment.instanceId, { state })
    if (state === 'failed') await tx.events.append(event('instance.failed', deployment, { error: undo.error }))
    await tx.events.append(
      event(undo.end === 'failed' ? 'deploy.failed' : 'deploy.cancelled', deployment, {
        kind: deployment.kind,
        strategy: deployment.strategy,
        error,
        code: undo.code,
        restored: how.restored,
        ...(undo.evidence ? { evidence: undo.evidence } : {}),
      }),
    )
    return true
  })
  parts.onCommit()
  if (ended) parts.observer?.ended(deployment, undo.end, Date.parse(at))
}

/** The state an instance is in when a run of this kind was taken back. */
export function afterUndo(kind: DeploymentKind): Instance['state'] | undefined {
  switch (kind) {
    case 'provision':
      return 'failed'
    case 'stop':
      return 'running'
    case 'start':
      return 'stopped'
    case 'deploy':
    case 'rollback':
    case 'initial':
    case 'scale':
    case 'restart':
    case 'delete':
      return undefined
  }
}

/** Cancels a pending deployment for which it is too late. */
export async function endPending(
  run: Run,
  why: { code: string; error: string },
  { parts, lease, keeper }: Attendance,
): Promise<void> {
  const at = timestamp(parts.clock.now())
  await parts.store.transaction(async tx => {
    await tx.work.fence(lease.claim)
    await cancelPending(run.deployment, why, tx, at)
    const record = await tx.work.load(run.deployment.instanceId)
    if (record) await releaseUnusedPorts(record, tx, keeper.specs)
  })
  parts.onCommit()
}
