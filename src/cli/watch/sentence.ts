import { spanOf } from '../ago.ts'
import type { Mood } from '../style.ts'
import { isOver, type Story } from './story.ts'

/** How a deployment is, in a sentence with a because. */
export interface Sentence {
  readonly mood: Mood
  readonly text: string
}

/** How it is now. `now` in milliseconds. */
export function sentenceOf(story: Story, now: number): Sentence {
  const { deployment } = story
  const { error = 'it did not say why' } = deployment
  const why = error.replace(/\.$/u, '')
  switch (deployment.state) {
    case 'pending':
      return { mood: 'waiting', text: queued(story) }
    case 'running':
      return running(story, now)
    case 'succeeded':
      return { mood: 'good', text: `Done after ${took(story, now)}: ${outcomeOf(story)}.` }
    case 'rolled_back':
      return { mood: 'undone', text: `It succeeded, and was rolled back since${by(deployment.rolled_back_by)}.` }
    case 'failed':
      return deployment.restored
        ? { mood: 'undone', text: `Failed after ${took(story, now)}, ${oldSide(story)} serves again: ${why}.` }
        : { mood: 'bad', text: `Failed after ${took(story, now)}, and not restored: ${why}.` }
    case 'cancelled':
      return { mood: 'off', text: `Cancelled after ${took(story, now)}: ${why}.` }
  }
}

/** How long it took, or takes by now. */
export function took(story: Story, now: number): string {
  return minutesOf(elapsedMs(story, now))
}

/** Since it began, or since it was asked for, milliseconds. */
export function elapsedMs({ deployment }: Pick<Story, 'deployment'>, now: number): number {
  const from = Date.parse(deployment.started_at ?? deployment.created_at)
  const to = deployment.finished_at === undefined ? now : Date.parse(deployment.finished_at)
  return Math.max(0, to - from)
}

/** A length of time to the second: `4m12s`. */
export function minutesOf(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}

/** The moves of it, `v18 → v19`, as far as versions are known. */
export function versionsOf({ names, deployment }: Story, arrow: string): string {
  const to = names.to === undefined ? deployment.release_id : `v${names.to}`
  return names.from === undefined || names.from === names.to ? to : `v${names.from} ${arrow} ${to}`
}

function queued({ names: { instance, ahead = [] } }: Story): string {
  if (ahead.length === 0) return `Waits for its turn, because one thing at a time is done to ${instance}.`
  const [first, ...more] = ahead
  const which = more.length === 0 ? `${first} comes` : `${first} and ${more.length} more come`
  return `Waits for its turn, because ${which} first.`
}

function running(story: Story, now: number): Sentence {
  const { reason, allowed_actions } = story.deployment
  const since = reason === undefined ? '' : ` since ${spanOf(now - Date.parse(reason.since))}`
  switch (reason?.code) {
    case 'awaiting_promote': {
      const gate = allowed_actions.find(({ action }) => action === 'promote')?.gate
      return {
        mood: 'waiting',
        text: `Waits for you${gate ? ` at "${gate}"` : ''}${since}, because the plan has a pause here.`,
      }
    }
    case 'paused':
      return { mood: 'waiting', text: `Paused${since}, because somebody asked for it.` }
    case 'undoing':
      return { mood: 'undone', text: `Goes back to ${oldSide(story)}, because ${reason.text.replace(/\.$/u, '')}.` }
    case 'health':
      return { mood: 'moving', text: `Waits for replicas to be ready${since}: ${reason.text}.` }
    case 'baking':
      return { mood: 'moving', text: `Watches how it does${since}: ${reason.text}.` }
    case undefined:
      return { mood: 'moving', text: 'Is under way.' }
    default:
      return { mood: 'moving', text: `Is at work${since}: ${reason?.text}.` }
  }
}

function outcomeOf(story: Story): string {
  const { kind } = story.deployment
  if (kind === 'stop') return 'nothing of it runs any more'
  return kind === 'delete' ? `${story.names.instance} is gone, with its data` : `${newSide(story)} serves`
}

function newSide({ names }: Story): string {
  return names.to === undefined ? 'the release' : `v${names.to}`
}

function oldSide({ names }: Story): string {
  return names.from === undefined ? 'what was before' : `v${names.from}`
}

function by(id: string | undefined): string {
  return id === undefined ? '' : ` by ${id}`
}

/** What a state is called where it ends. */
export function endOf(story: Story): string {
  const { state, restored } = story.deployment
  if (!isOver(story)) return state
  return state === 'failed' ? (restored ? 'failed, restored' : 'failed, not restored') : state.replace('_', ' ')
}
