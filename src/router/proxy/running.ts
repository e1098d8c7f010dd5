import { readFileSync } from 'node:fs'

/** Whether a process of this pid runs. One that has ended and waits to be collected by its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    void error // because ESRCH is the answer
    return false
  }
  try {
    // The state follows the name, which is in brackets and may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.[0] !== 'Z'
  } catch (error) {
    void error // because there is no /proc here: it answers to signals, so it runs
    return true
  }
}
