import type { DeploymentState } from './deployment.ts'

/** The only changes of state there are, and what brings each about. Code and tests share this table. */
export const transitions = [
  { from: 'pending', to: 'running', when: 'its turn came and the release was sealed' },
  { from: 'pending', to: 'cancelled', when: 'cancelled, superseded, or no longer possible when its turn came' },
  { from: 'running', to: 'succeeded', when: 'all traffic is on the new release and it is healthy' },
  { from: 'running', to: 'failed', when: 'a step, a check, a deadline or the strategy failed' },
  { from: 'running', to: 'cancelled', when: 'cancelled or superseded' },
  { from: 'succeeded', to: 'rolled_back', when: 'a rollback replaced its release' },
] as const satisfies readonly { from: DeploymentState; to: DeploymentState; when: string }[]

/** Whether a deployment may go from one state to another. */
export function mayBecome(from: DeploymentState, to: DeploymentState): boolean {
  return transitions.some(transition => transition.from === from && transition.to === to)
}

/** The states from which `to` is reached. */
export function sourcesOf(to: DeploymentState): DeploymentState[] {
  return transitions.filter(transition => transition.to === to).map(transition => transition.from)
}

/** Where a deployment is, as far as what may be asked of it goes. */
export type Phase = 'pending' | 'running' | 'undoing' | 'ended'

/** What someone asks of a deployment. */
export type Ask = 'cancel' | 'pause' | 'promote' | 'resume'

/** What comes of it: done, accepted without effect, or refused with a code. */
export type Answer =
  | 'cancelled at once'
  | 'undo begins'
  | 'changes nothing'
  | 'after the current step'
  | 'starts paused'
  | 'when paused'
  | 'undoing'
  | 'not_paused'
  | 'already_ended'

/** The second table of "States" in the contract. `when paused`: done when it is paused (at that gate), else refused with `not_paused`. */
export const asks: Readonly<Record<Ask, Readonly<Record<Phase, Answer>>>> = {
  cancel: { pending: 'cancelled at once', running: 'undo begins', undoing: 'changes nothing', ended: 'already_ended' },
  pause: { pending: 'starts paused', running: 'after the current step', undoing: 'undoing', ended: 'already_ended' },
  promote: { pending: 'not_paused', running: 'when paused', undoing: 'undoing', ended: 'already_ended' },
  resume: { pending: 'not_paused', running: 'when paused', undoing: 'undoing', ended: 'already_ended' },
}

/** Where a deployment with this state, undone or not, is. */
export function phaseOf(state: DeploymentState, undoing: boolean): Phase {
  switch (state) {
    case 'pending':
      return 'pending'
    case 'running':
      return undoing ? 'undoing' : 'running'
    case 'succeeded':
    case 'failed':
    case 'cancelled':
    case 'rolled_back':
      return 'ended'
  }
}
