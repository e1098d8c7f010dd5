import { type Instance, isHeld } from '../instance/instance.ts'
import { type Deployment, hasEnded } from './deployment.ts'
import { asks, phaseOf } from './states.ts'

/** What can be asked of a deployment, or because of it. */
export type DeploymentAction = 'promote' | 'pause' | 'resume' | 'cancel' | 'retry' | 'rollback'

/** Whether it may be asked now; if not, why not, in a sentence a person can read on a button. */
export type AllowedAction =
  | {
      readonly action: DeploymentAction
      readonly allowed: true /** What promote would release. */
      readonly gate?: string
    }
  | { readonly action: DeploymentAction; readonly allowed: false; readonly why: string }

/** What decides about it. */
export interface ActionInput {
  readonly deployment: Deployment
  /** It is being undone, and why. */
  readonly undoing?: string
  /** The pause of the plan that it waits at. */
  readonly gate?: string
  /** Somebody asked it to pause, and nobody to resume. */
  readonly pausedByRequest: boolean
  readonly instance: Instance
  /** Why its tenant takes no new work, when it takes none. */
  readonly closed?: string
}

/** Each action with its answer, by the table of {@link asks}: what is allowed here is not refused when it is asked for at once. */
export function allowedActions(input: ActionInput): AllowedAction[] {
  return [
    answer('promote', refusalOf('promote', input), input.gate),
    answer('pause', refusalOf('pause', input)),
    answer('resume', refusalOf('resume', input)),
    answer('cancel', refusalOf('cancel', input)),
    answer('retry', retryRefusal(input)),
    answer('rollback', rollbackRefusal(input)),
  ]
}

function answer(action: DeploymentAction, why: string | undefined, gate?: string): AllowedAction {
  if (why !== undefined) return { action, allowed: false, why }
  return gate === undefined ? { action, allowed: true } : { action, allowed: true, gate }
}

function refusalOf(
  what: 'promote' | 'pause' | 'resume' | 'cancel',
  { deployment, undoing, gate, pausedByRequest }: ActionInput,
): string | undefined {
  if (what === 'cancel' && deployment.kind === 'delete' && !hasEnded(deployment.state)) {
    return 'A delete is not taken back.'
  }
  switch (asks[what][phaseOf(deployment.state, undoing !== undefined)]) {
    case 'already_ended':
      return `It has ended: ${deployment.state}.`
    case 'undoing':
      return `It is being undone: ${undoing ?? 'it failed'}.`
    case 'not_paused':
      return 'It has not started yet.'
    case 'when paused':
      if (what === 'promote') return gate === undefined ? 'It does not wait at a pause of its plan.' : undefined
      return pausedByRequest ? undefined : 'Nobody asked it to pause.'
    case 'cancelled at once':
    case 'undo begins':
    case 'changes nothing':
    case 'after the current step':
    case 'starts paused':
      return undefined
  }
}

function retryRefusal({ deployment, instance, closed }: ActionInput): string | undefined {
  if (deployment.kind !== 'deploy' && deployment.kind !== 'rollback') {
    return `A ${deployment.kind} is not retried; ask for it again.`
  }
  if (deployment.state !== 'failed' && deployment.state !== 'cancelled') {
    return `Only a failed or cancelled deployment is retried; it is ${deployment.state}.`
  }
  return closed ?? undeployable(instance)
}

function rollbackRefusal({ deployment, instance, closed }: ActionInput): string | undefined {
  if (!hasEnded(deployment.state)) return 'It has not ended; cancel brings back what served before.'
  if (deployment.state !== 'succeeded' || deployment.releaseId !== instance.currentReleaseId) {
    return 'Its release is not the active one.'
  }
  if (deployment.fromReleaseId === undefined || deployment.fromReleaseId === deployment.releaseId) {
    return 'No other release was active before it.'
  }
  return closed ?? undeployable(instance)
}

function undeployable(instance: Instance): string | undefined {
  const { name, state } = instance
  if (isHeld(instance)) return `Instance "${name}" needs attention; look at it, and adopt it.`
  return state === 'running' || state === 'failed' ? undefined : `Instance "${name}" is ${state}.`
}
