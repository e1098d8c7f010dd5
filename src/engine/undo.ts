import { timestamp } from '../clock.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Revision, Row, Step } from '../deploy/step.ts'
import { withoutWarm } from '../deploy/table.ts'
import { undoPlan } from '../deploy/undo.ts'
import { isPassing, messageOf, SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import type { Attendance } from './context.ts'
import { isCrashLoop } from './crashes.ts'
import { readyOf, rowKey } from './difference.ts'
import { endUndone } from './finish.ts'
import type { View } from './keeper.ts'
import { reasonFor, stepDigest } from './progress.ts'
import { patienceMs, stillness } from './stillness.ts'

/**
 * Takes a deployment back to what served before: another plan, from the table of the last step begun to the base. It needs only the old
 * revision to be up, and waits for no more of it than was ready when the deployment began. Its cause was committed before. A delete is
 * never taken back: one that got stuck ends as failed, and can be asked for again.
 */
export async function undo(run: Run, plan: FrozenPlan, at: Attendance): Promise<void> {
  if (run.deployment.kind === 'delete') return await endUndone(run, { restored: false, table: [] }, at)
  const steps = run.undoSteps ?? (await planBack(run, plan, at))
  const needs = needsOf(plan)
  const records = await at.parts.store.work.steps(run.deployment.id)
  const back = new Map(records.filter(record => record.phase === 'undo').map(record => [record.position, record]))
  let trouble: string | undefined
  try {
    for (const [position, step] of steps.entries()) {
      at.keeper.want(step.table, needs)
      const before = back.get(position)
      if (before?.state === 'done') continue
      const beganAt = before?.beganAt ?? timestamp(at.parts.clock.now())
      if (!before) await record(run, position, step, { state: 'begun', beganAt }, at)
      await come(step, needs, plan, at)
      const endedAt = timestamp(at.parts.clock.now())
      await record(run, position, step, { state: 'done', beganAt, endedAt }, at)
      tellEnd(run, step, Date.parse(endedAt) - Date.parse(beganAt), at)
    }
    await serveAgain(plan, needs, at)
  } catch (error) {
    if (at.lease.signal.aborted || !(error instanceof SlipwayError) || error.code === 'lease_lost') throw error
    // What could not be written is no fault of the undo, which is taken up again where it was.
    if (isPassing(error)) throw error
    trouble = at.parts.mask(run.deployment.instanceId, messageOf(error))
    at.parts.log.warn({ deployment: run.deployment.id, error: trouble }, 'the undo could not be completed')
  }
  const restored = trouble === undefined
  // Not restored: what served before stays wanted, and the reconciler goes on trying.
  const table = restored ? (steps.at(-1)?.table ?? plan.base) : withoutWarm(plan.base, plan.old)
  await endUndone(run, { restored, table, ...(trouble === undefined ? {} : { trouble }) }, at)
}

async function planBack(run: Run, plan: FrozenPlan, { parts, lease }: Attendance): Promise<readonly Step[]> {
  const { store } = parts
  const records = await store.work.steps(run.deployment.id)
  const last = records.findLast(candidate => candidate.phase === 'forward')
  const table = last?.step.table ?? plan.base
  const steps = undoPlan({ table, base: plan.base, old: plan.old, next: plan.next })
  const now = timestamp(parts.clock.now())
  const claim = await store.transaction(async tx => {
    // An epoch of its own: a database from before would go forward again.
    const own = await tx.work.advance(lease.claim)
    await tx.work.saveUndoSteps(run.deployment.id, steps)
    await tx.deploys.updateDeployment(run.deployment.id, ['running'], {
      reason: { code: 'undoing', text: run.undo?.error ?? 'what served before is brought back', since: now },
    })
    await tx.events.append({
      type: 'deploy.undoing',
      tenantId: run.deployment.tenantId,
      instanceId: run.deployment.instanceId,
      deploymentId: run.deployment.id,
      data: { because: run.undo?.error, code: run.undo?.code, steps: steps.map(step => step.name) },
    })
    return own
  })
  lease.advance(claim)
  parts.onCommit()
  return steps
}

/** How many replicas of each old revision undo waits for: no more than were ready when the deployment began. */
function needsOf(plan: FrozenPlan): ReadonlyMap<Revision, number> {
  return new Map(plan.base.map(row => [row.revision, Math.min(row.replicas, plan.readyAtStart[row.revision] ?? 0)]))
}

async function record(
  run: Run,
  position: number,
  step: Step,
  now: Pick<StepRecord, 'state' | 'beganAt' | 'endedAt'>,
  { parts, lease }: Attendance,
): Promise<void> {
  const { deployment } = run
  await parts.store.transaction(async tx => {
    await tx.work.fence(lease.claim)
    await tx.work.saveStep({
      deploymentId: deployment.id,
      phase: 'undo',
      position,
      digest: stepDigest(step),
      step,
      ...now,
    })
    if (now.state !== 'begun') return
    await tx.work.patch(deployment.instanceId, { table: step.table })
    await tx.events.append({
      type: 'deploy.progress',
      tenantId: deployment.tenantId,
      instanceId: deployment.instanceId,
      deploymentId: deployment.id,
      data: {
        undo: true,
        step: position + 1,
        name: step.name,
        kind: step.kind,
        table: step.table,
        code: reasonFor(step, now.beganAt).code,
      },
    })
  })
  parts.onCommit()
}

function tellEnd({ deployment }: Run, { kind }: Step, ms: number, { parts }: Attendance): void {
  const { strategy } = deployment
  parts.observer?.stepEnded({ kind, phase: 'undo', strategy, outcome: 'done', seconds: Math.max(0, ms) / 1000 })
}

/** Waits until a step back is true. Only the old side is waited for; the new one is merely taken away. */
async function come(step: Step, needs: ReadonlyMap<Revision, number>, plan: FrozenPlan, at: Attendance): Promise<void> {
  const { keeper, lease } = at
  const watch = watchOld(needs, patienceMs(step, plan, keeper), at)
  await keeper.until(view => {
    if (view.table === step.table && isTrue(step, view, needs)) return true
    watch(view)
    return undefined
  }, lease.signal)
}

/** What served before serves again: a replica of it that died meanwhile is waited for, whatever the last step back was about. */
async function serveAgain(plan: FrozenPlan, needs: ReadonlyMap<Revision, number>, at: Attendance): Promise<void> {
  const { keeper, lease } = at
  const served = withoutWarm(plan.base, plan.old)
  const watch = watchOld(needs, keeper.policies.progressDeadlineMs ?? policyDefaults.progressDeadlineMs, at)
  await keeper.until(view => {
    if (view.observed && served.every(row => readyOf(row, view) >= needed(row, needs))) return true
    watch(view)
    return undefined
  }, lease.signal)
}

function isTrue(step: Step, view: View, needs: ReadonlyMap<Revision, number>): boolean {
  switch (step.kind) {
    case 'run': {
      const row = step.table.find(candidate => rowKey(candidate) === rowKey(step))
      return !row || (view.observed && readyOf(row, view) >= needed(row, needs))
    }
    case 'route':
      return view.weightsReached
    case 'retire':
      return (
        view.observed &&
        view.weightsReached &&
        view.replicas.filter(({ replica }) => rowKey(replica) === rowKey(step)).length <= step.replicas
      )
    case 'prepare':
    case 'task':
    case 'hold':
    case 'pause':
      return true
  }
}

function needed(row: Row, needs: ReadonlyMap<Revision, number>): number {
  return Math.min(row.replicas, needs.get(row.revision) ?? row.replicas)
}

/** Gives up when the old side can't come back: it crashes again and again, or nothing moves for too long. */
function watchOld(
  needs: ReadonlyMap<Revision, number>,
  patienceMs: number,
  { keeper, parts }: Attendance,
): (view: View) => void {
  const exitsBefore = new Map(keeper.table.map(row => [rowKey(row), keeper.crashes.count(rowKey(row))]))
  const failedBefore = new Set(keeper.table.map(row => keeper.startFailure(row)))
  const still = stillness(parts.clock)
  return view => {
    const wanting = view.table.filter(row => needs.has(row.revision) && readyOf(row, view) < needed(row, needs))
    for (const row of wanting) {
      const exits = keeper.crashes.count(rowKey(row)) - (exitsBefore.get(rowKey(row)) ?? 0)
      if (isCrashLoop(exits, row))
        throw new SlipwayError('crash_loop', `Service ${row.service} of the old release exited ${exits} times.`)
      const failure = keeper.startFailure(row)
      if (failure && !isPassing(failure) && !failedBefore.has(failure)) throw failure
    }
    if (still(view) > patienceMs) {
      throw new SlipwayError(
        'progress_deadline',
        `Nothing moved for ${Math.round(patienceMs / 1000)} s while the old release was brought back.`,
      )
    }
  }
}
