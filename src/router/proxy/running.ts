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
    // Field 3, the state, follows the name, which is in brackets and may hold anything; field 20 counts the threads. While there are several
    // the process still holds its files, even when the first of them is a zombie.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] !== 'Z' || Number(fields[17]) > 1
  } catch (error) {
    void error // because there is no /proc here: it answers to signals, so it runs
    return true
  }
}
