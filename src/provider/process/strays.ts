import { readlinkSync } from 'node:fs'
import { basename, dirname, sep } from 'node:path'
import type { Paths } from './paths.ts'
import { isAlive, processStat } from './proc.ts'
import { namesIn } from './record.ts'
import type { Replicas } from './replicas.ts'

/** The descriptor on which a launcher holds the file for its exit code. */
const exitDescriptor = 4

/**
 * Ends replicas whose record was lost, as by a disk that was repaired: nobody can say what they are, so nobody would ever stop them. A
 * launcher is known by the file it will write its exit code to, which names the replica and lies in this data folder and no other.
 */
export function endStrays(paths: Paths, replicas: Replicas): void {
  for (const pid of namesIn('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)) {
    const exit = exitFileOf(pid)
    if (exit === undefined || !exit.startsWith(`${paths.instances}${sep}`)) continue
    const folder = dirname(exit)
    if (basename(folder) !== 'replicas') continue
    if (!replicas.byId(basename(dirname(folder)), basename(exit, '.exit'))) endGroup(pid)
  }
}

/** Where a living launcher is going to write its exit code; undefined for every other process. */
function exitFileOf(pid: number): string | undefined {
  const stat = processStat(pid)
  if (!isAlive(stat) || stat.session !== pid || stat.group !== pid) return undefined
  try {
    const link = readlinkSync(`/proc/${pid}/fd/${exitDescriptor}`).replace(/ \(deleted\)$/u, '')
    return link.endsWith('.exit') ? link : undefined
  } catch (error) {
    void error // because it has no such descriptor, ended while we looked, or is another user's
    return undefined
  }
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
