import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isSlipwayError, messageOf, roomFault, SlipwayError } from '../../errors.ts'
import { faultOf, isBusy } from './fault.ts'

/** The right of one process to write a data file. */
export interface Hold {
  /** The data file, symbolic links followed. */
  readonly path: string
  readonly release: () => void
}

/**
 * Takes the file for this process for life: an exclusive transaction on a side file `<path>.lock`, whose lock the kernel drops when the
 * process ends, however it ends. The data file itself stays readable, for backups. Throws `unavailable` when another process has it, or
 * when nothing can be written there.
 */
export function hold(file: string): Hold {
  try {
    return take(settle(file))
  } catch (error) {
    if (isSlipwayError(error)) throw error
    const fault = roomFault(faultOf(error), `No data can be kept in ${file}`)
    if (isSlipwayError(fault, 'disk_full')) throw fault
    throw new SlipwayError('unavailable', `No data can be kept in ${file}: ${messageOf(error)}.`, {
      next: 'Give a file in a folder that exists or can be made, and that the user Slipway runs as can write to.',
      cause: error,
    })
  }
}

function take(path: string): Hold {
  const lock = new DatabaseSync(`${path}.lock`)
  // The holder is named in a file of its own: whoever reads and closes the lock file loses the locks its own process has on it.
  const note = `${path}.lock.pid`
  try {
    // Its journal would need room on a disk that may have none.
    lock.exec('pragma journal_mode = memory; pragma locking_mode = exclusive; begin exclusive')
    writeNote(note)
  } catch (error) {
    lock.close()
    throw isBusy(error) ? heldBy(path, note, error) : error
  }
  return {
    path,
    release: () => {
      rmSync(note, { force: true })
      lock.close()
    },
  }
}

/** The one name of the file, whatever way led to it; its folder is made when it is missing. */
function settle(file: string): string {
  const folder = dirname(resolve(file))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(realpathSync(folder), basename(file))
  try {
    return realpathSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path
    throw error
  }
}

/** The name only makes a later refusal's sentence better: a disk without room for it is no reason not to hold the file. */
function writeNote(note: string): void {
  try {
    writeFileSync(note, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    if (!isSlipwayError(roomFault(error, `${note} cannot be written`), 'disk_full')) throw error
  }
}

function heldBy(path: string, note: string, cause: unknown): SlipwayError {
  const holder = holderIn(note)
  const who = holder === undefined ? 'another process' : `process ${holder}`
  return new SlipwayError('unavailable', `The data in ${path} is in use by ${who}: one process at a time holds it.`, {
    next: `Stop ${who}, or point this one at data of its own.`,
    ...(holder === undefined ? {} : { details: { pid: holder } }),
    cause,
  })
}

function holderIn(note: string): number | undefined {
  try {
    const pid = Number(readFileSync(note, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch (error) {
    void error // because the name only makes the sentence better; the holder may be gone this moment
    return undefined
  }
}
