import { SlipwayError } from '../errors.ts'
import { type Instance, type InstanceState, isHeld } from './instance.ts'

/** Throws `instance_state` for an instance in any other state. */
export function requireState(instance: Instance, states: readonly InstanceState[]): void {
  if (states.includes(instance.state)) return
  throw new SlipwayError('instance_state', `Instance "${instance.name}" is ${instance.state}.`, {
    next: `This is for one that is ${states.join(' or ')}.`,
    details: { state: instance.state },
  })
}

/** Throws `instance_state` for an instance that is deleted. */
export function requireThere(instance: Instance): void {
  if (instance.state !== 'deleted') return
  throw new SlipwayError('instance_state', `Instance "${instance.name}" is deleted.`, {
    next: 'Only its history can be read. Its name is free again.',
    details: { state: instance.state },
  })
}

/** Refuses what would change an instance that somebody has to look at first. Throws `needs_attention`. */
export function requireNoAttention(instance: Instance): void {
  if (!isHeld(instance)) return
  throw new SlipwayError('needs_attention', `Instance "${instance.name}" needs attention. ${instance.needsAttention}`, {
    next: 'Look at its status; then adopt it, so that its table is what is wanted again, or delete it.',
    details: { state: instance.state },
  })
}
