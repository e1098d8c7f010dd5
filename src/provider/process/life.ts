import type { ReplicaState } from '../provider.ts'
import { type GroupName, leaderLives, membersOf } from './group.ts'
import { readExit, unknownExit } from './record.ts'

/** What became of a process group. */
export type Life =
  | { readonly state: 'running' }
  /** Its command ended, and left processes behind. */
  | { readonly state: 'leftover' }
  | { readonly state: 'ended'; readonly exitCode: number }
  /** It never got past the latch: whoever started it died before it was recorded. */
  | { readonly state: 'never' }

/** Looks at the processes themselves; a few microseconds while they live. */
export function lifeOf(group: GroupName, exitFile: string): Life {
  if (leaderLives(group)) return { state: 'running' }
  if (membersOf(group).length > 0) return { state: 'leftover' }
  const exit = readExit(exitFile)
  return exit === 'never' ? { state: 'never' } : { state: 'ended', exitCode: exit ?? unknownExit }
}

/** The state of a replica whose group still has processes. */
export function livingState(life: Life, stoppingAt: string | undefined): ReplicaState {
  return stoppingAt !== undefined || life.state === 'leftover' ? 'stopping' : 'running'
}
