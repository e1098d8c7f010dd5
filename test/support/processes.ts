import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

/** Living processes that run in a folder, or have it in their command line. */
export function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => pid !== process.pid && belongs(pid, folder))
}

/** The same, as process groups: a replica is one, with its launcher. */
export function groupsOf(folder: string): Set<number> {
  return new Set(processesOf(folder).flatMap(pid => groupOf(pid) ?? []))
}

/** The group of a process, while it is there. */
export function groupOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
  } catch (error) {
    void error // because it ended while we looked
    return undefined
  }
}

/** Whether this process lives, and runs in a folder or has it in its command line. */
export function belongs(pid: number, folder: string): boolean {
  try {
    if (/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return false
    return isIn(pid, folder) || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
  } catch (error) {
    void error // because it ended while we looked
    return false
  }
}

function isIn(pid: number, folder: string): boolean {
  try {
    return `${readlinkSync(`/proc/${pid}/cwd`)}${sep}`.startsWith(`${folder}${sep}`)
  } catch (error) {
    void error // because it ended while we looked, or is another user's
    return false
  }
}
