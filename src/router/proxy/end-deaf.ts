import { readFileSync } from 'node:fs'
import { runningProcess } from './find.ts'
import type { Place } from './place.ts'

/**
 * Ends the process that holds this place and answers nothing, so that another can serve; resolves to its pid, or undefined when there is none.
 * Only a process that runs for this very folder is ended, whatever the files say. SIGKILL, because one that is stopped hears nothing else.
 */
export function endDeaf(place: Place): number | undefined {
  const pid = [holderOf(place), runningProcess(place)?.pid].find(one => one !== undefined && servesFor(one, place))
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  return pid
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
