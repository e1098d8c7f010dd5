import { SlipwayError } from '../../errors.ts'
import { childrenOf, commandLineOf, currentBoot, groupMembers, isAlive, type ProcessStat, processStat } from './proc.ts'

/** A process group as its record names it: its leader, when that was started, and in which boot of the machine. */
export interface GroupName {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

let boot: string | undefined

/** The boot this process runs in; it can't change under us. */
export function thisBoot(): string {
  boot ??= currentBoot()
  return boot
}

/** Whether the group's leader (our launcher) still runs. A pid that was given to somebody else is not it. */
export function leaderLives(group: GroupName): boolean {
  if (group.bootId !== thisBoot()) return false
  const stat = processStat(group.pid)
  return isAlive(stat) && stat.startTime === group.startTime
}

/**
 * The group's living members. A pid is not given out again while a group or session still has its number, so a living leader with
 * another start time means that all of ours are gone.
 */
export function membersOf(group: GroupName): ProcessStat[] {
  if (group.bootId !== thisBoot()) return []
  const leader = processStat(group.pid)
  if (leader && leader.startTime !== group.startTime) return []
  return groupMembers(group.pid).filter(member => member.session === group.pid)
}

/**
 * The members that the leader started, or those started, and so on. Quicker than {@link membersOf}, which looks at every process of the
 * machine; but one whose parent ended is missed, and so may be one that starts right now.
 */
export function descendantsOf(group: GroupName): ProcessStat[] {
  if (!leaderLives(group)) return []
  const found: ProcessStat[] = []
  const pids = childrenOf(group.pid)
  for (const pid of pids) {
    const stat = processStat(pid)
    if (!isAlive(stat) || stat.group !== group.pid || stat.session !== group.pid) continue
    found.push(stat)
    pids.push(...childrenOf(pid))
  }
  return found
}

/** Whether the launcher has started its command: the group has a process that is not the launcher nor its copy about to become the command. */
export function hasBegun(group: GroupName): boolean {
  const launcher = commandLineOf(group.pid)
  return membersOf(group).some(member => member.pid !== group.pid && commandLineOf(member.pid) !== launcher)
}

/** Sends a signal to all of the group, if any of it is left. */
export function signalGroup(group: GroupName, signal: NodeJS.Signals): void {
  // A record may be torn: to the kernel -1 means every process there is, and 0 our own.
  if (!(group.pid > 1)) throw new SlipwayError('internal', `There is no process group ${group.pid} to signal.`)
  if (!leaderLives(group) && membersOf(group).length === 0) return
  try {
    process.kill(-group.pid, signal)
  } catch (error) {
    // Ended in between: what the signal was for has happened.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
