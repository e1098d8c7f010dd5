import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

/** Living processes that run in a folder, or have it in their command line. */
export function processesOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => pid !== process.pid && belongs(pid, folder))
}

/** Living processes that run below a folder: of a data folder, its replicas without their launchers. */
export function processesIn(folder: string): number[] {
  return processesOf(folder).filter(pid => isIn(pid, folder))
}

function belongs(pid: number, folder: string): boolean {
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
