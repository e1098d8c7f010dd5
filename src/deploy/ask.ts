import { audited } from '../audit/entry.ts'
import type { Claims } from '../auth/auth.ts'
import { type Clock, timestamp } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import type { EventBus } from '../event/bus.ts'
import type { Observer } from '../observe/observer.ts'
import type { Deployment } from './deployment.ts'
import { cancelPending, eventOf } from './end.ts'
import type { Run, StepRecord } from './run.ts'
import { type Ask, asks, phaseOf } from './states.ts'
import type { Store, Stores } from './work.ts'

interface AskParts {
  readonly store: Store
  readonly bus: EventBus
  readonly clock: Clock
  readonly hint: (instanceId: string) => void
  readonly observer?: Pick<Observer, 'stepEnded'>
}

type Change = Readonly<Record<string, unknown>>

/** Stops a deployment: at once while it is pending, by undo while it runs. A cancel of one that is being undone changes nothing. */
export async function cancel(of: Deployment, by: Claims, parts: AskParts): Promise<Deployment> {
  return await ask('cancel', of, by, parts, async (run, tx, at) => {
    if (run.deployment.kind === 'delete') {
      throw new SlipwayError(
        'instance_state',
        `Instance ${of.instanceId} is being deleted, and that is not taken back.`,
        {
          next: 'Wait until it is gone, then create it again.',
          details: { state: 'deleting' },
        },
      )
    }
    const error = `cancelled by ${by.subject}`
    if (run.deployment.state === 'pending') {
      await cancelPending(run.deployment, { code: 'cancelled', error }, tx, at)
      return {}
    }
    if (run.undo) return undefined
    await tx.work.saveUndo(of.id, { end: 'cancelled', code: 'cancelled', error, at })
    await tx.work.signal({ deploymentId: of.id, instanceId: of.instanceId, kind: 'cancel', by: by.subject })
    return {}
  })
}

/** Asks a deployment to wait after its current step; a pending one starts paused. */
export async function pause(of: Deployment, by: Claims, parts: AskParts): Promise<Deployment> {
  return await ask('pause', of, by, parts, async (_run, tx) => {
    if (await isPausedByRequest(of.id, tx)) return undefined
    await tx.work.signal({ deploymentId: of.id, instanceId: of.instanceId, kind: 'pause', by: by.subject })
    return {}
  })
}

/** Releases a pause that someone asked for. */
export async function resume(of: Deployment, by: Claims, parts: AskParts): Promise<Deployment> {
  return await ask('resume', of, by, parts, async (_run, tx) => {
    if (!(await isPausedByRequest(of.id, tx))) {
      throw new SlipwayError('not_paused', `Nobody asked deployment ${of.id} to pause.`, {
        next: 'A pause of the plan is released by promote.',
      })
    }
    await tx.work.signal({ deploymentId: of.id, instanceId: of.instanceId, kind: 'resume', by: by.subject })
    await tx.events.append(eventOf('deploy.resumed', of, { by: by.subject }))
    return {}
  })
}

/** Releases the pause of the plan that the deployment waits at; `gate`, when given, must be its name. */
export async function promote(
  of: Deployment,
  gate: string | undefined,
  by: Claims,
  parts: AskParts,
): Promise<Deployment> {
  let beganAt = ''
  const after = await ask('promote', of, by, parts, async (_run, tx, at) => {
    const waiting = currentPause(await tx.work.steps(of.id))
    if (!waiting) {
      throw new SlipwayError('not_paused', `Deployment ${of.id} does not wait at a pause of its plan.`, {
        next: 'Only a pause is promoted; a hold ends by itself, and a pause someone asked for is released by resume.',
      })
    }
    const { record, name } = waiting
    beganAt = record.beganAt
    if (gate !== undefined && gate !== name) {
      throw new SlipwayError('not_paused', `Deployment ${of.id} waits at "${name}", not at "${gate}".`, {
        next: `Promote "${name}".`,
        details: { gate: name },
      })
    }
    await tx.work.saveStep({ ...record, state: 'done', endedAt: at, note: `promoted by ${by.subject}` })
    await tx.work.signal({
      deploymentId: of.id,
      instanceId: of.instanceId,
      kind: 'promote',
      gate: name,
      by: by.subject,
    })
    await tx.events.append(eventOf('deploy.resumed', of, { by: by.subject, gate: name }))
    return { gate: name }
  })
  const seconds = Math.max(0, (parts.clock.now() - Date.parse(beganAt)) / 1000)
  parts.observer?.stepEnded({ kind: 'pause', phase: 'forward', strategy: of.strategy, outcome: 'done', seconds })
  return after
}

/** Does what is asked in one transaction with the look at the state, by the table of {@link asks}. `act` tells what it changed beside the state, nothing when it changed nothing. */
async function ask(
  what: Ask,
  of: Deployment,
  by: Claims,
  { store, bus, clock, hint }: AskParts,
  act: (run: Run, tx: Stores, at: string) => Promise<Change | undefined>,
): Promise<Deployment> {
  const at = timestamp(clock.now())
  const after = await store.transaction(async tx => {
    const run = await tx.work.run(of.id)
    if (!run) throw new SlipwayError('not_found', `There is no deployment ${of.id}.`)
    refuse(what, run)
    const changed = await act(run, tx, at)
    const now = (await tx.work.run(of.id))?.deployment ?? run.deployment
    if (changed) {
      const object = { kind: 'deployment', id: of.id }
      const seen = (deployment: Deployment) => ({ state: deployment.state, reason: deployment.reason?.code })
      const change = { before: seen(run.deployment), after: { ...seen(now), ...changed } }
      await tx.audit.append(audited(by, { action: `deployment.${what}`, object, instanceId: of.instanceId, ...change }))
    }
    return now
  })
  bus.wake()
  hint(of.instanceId)
  return after
}

function refuse(what: Ask, { deployment, undo }: Run): void {
  const answer = asks[what][phaseOf(deployment.state, undo !== undefined)]
  switch (answer) {
    case 'already_ended':
      throw new SlipwayError('already_ended', `Deployment ${deployment.id} has ended: it ${ended(deployment)}.`, {
        next: 'Deploy again, or roll back, to change what runs.',
        details: { state: deployment.state },
      })
    case 'undoing':
      throw new SlipwayError('undoing', `Deployment ${deployment.id} is being undone: ${undo?.error ?? 'it failed'}.`, {
        next: 'Wait until it has ended.',
      })
    case 'not_paused':
      throw new SlipwayError('not_paused', `Deployment ${deployment.id} has not started yet.`, {
        next: 'Wait for its turn, or cancel it.',
      })
    case 'cancelled at once':
    case 'undo begins':
    case 'changes nothing':
    case 'after the current step':
    case 'starts paused':
    case 'when paused':
      return
  }
}

function ended(deployment: Deployment): string {
  switch (deployment.state) {
    case 'succeeded':
      return 'succeeded'
    case 'failed':
      return 'failed'
    case 'cancelled':
      return 'was cancelled'
    case 'rolled_back':
      return 'was rolled back'
    case 'pending':
    case 'running':
      return 'is about to end'
  }
}

/** Whether somebody asked it to pause, and nobody to resume since. */
export async function isPausedByRequest(deploymentId: string, tx: Pick<Stores, 'work'>): Promise<boolean> {
  const signals = await tx.work.signals(deploymentId)
  return signals.findLast(signal => signal.kind === 'pause' || signal.kind === 'resume')?.kind === 'pause'
}

/** The pause of the plan that a deployment with these steps waits at. */
export function currentPause(records: readonly StepRecord[]): { record: StepRecord; name: string } | undefined {
  const record = records.findLast(candidate => candidate.phase === 'forward')
  return record?.state === 'begun' && record.step.kind === 'pause' ? { record, name: record.step.gate } : undefined
}
