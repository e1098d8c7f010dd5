import { readFileSync } from 'node:fs'
import { runningProcess } from './find.ts'
import type { Place } from './place.ts'

/**
 * Ends the process that holds this place and answers nothing, so that another can serve; returns its pid, or undefined when there is none, or
 * none that can be ended. `told` is the pid that it gave itself, if it ever answered; the files that say the same may be gone. Only a process
 * that runs for this very folder is ended, whoever names it. SIGKILL, because one that is stopped hears nothing else.
 */
export function endDeaf(place: Place, told?: number): number | undefined {
  const named = [told, holderOf(place), runningProcess(place)?.pid]
  return named.find(pid => pid !== undefined && servesFor(pid, place) && kill(pid))
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    void error // because it is gone meanwhile, or not ours to end: either way this did not end it
    return false
  }
}

function holderOf(place: Place): number | undefined {
  try {
    const pid = Number(readFileSync(place.holder, 'utf8'))
    return Number.isInteger(pid) && pid > 1 ? pid : undefined
  } catch (error) {
    void error // because nobody said that they hold it
    return undefined
  }
}

function servesFor(pid: number, place: Place): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return args[args.indexOf('--state') + 1] === place.state
  } catch (error) {
    void error // because it is gone
    return false
  }
}
