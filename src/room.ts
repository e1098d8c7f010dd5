import { statfsSync } from 'node:fs'
import { makeRoom, SlipwayError } from './errors.ts'

/** What the disk under a folder has, bytes. */
export interface Space {
  readonly folder: string
  readonly freeBytes: number
  /** New work is refused below this. */
  readonly reserveBytes: number
}

/** The room on the disk that data lies on. */
export interface Room {
  look(): Promise<Space>
  /** Throws `disk_full` unless `bytes` more leave the reserve as it is. `what` begins its sentence: "Nothing new is begun". */
  require(what: string, bytes?: number): Promise<void>
}

/**
 * How much is kept free for what must go on: states, leases, routes and logs of what runs, and the rollback or delete that mends things.
 * Bytes.
 */
export const defaultReserveBytes = 64 * 1024 * 1024

/** The room under a folder that is there. */
export function diskRoom(folder: string, reserveBytes: number = defaultReserveBytes): Room {
  // A few microseconds, which cost less than the turns in which others would go on between a request and its look at the state.
  const look = async (): Promise<Space> => {
    const { bavail, bsize } = statfsSync(folder)
    return { folder, freeBytes: bavail * bsize, reserveBytes }
  }
  return {
    look,
    async require(what, bytes = 0) {
      const { freeBytes } = await look()
      if (freeBytes - bytes >= reserveBytes) return
      const needed = bytes > 0 ? `${inWords(bytes)} more would leave less than` : 'that is less than'
      throw new SlipwayError(
        'disk_full',
        `${what}: ${inWords(freeBytes)} are free at ${folder}, and ${needed} the ${inWords(reserveBytes)} that are kept for what runs.`,
        { next: makeRoom, details: { folder, freeBytes, reserveBytes } },
      )
    },
  }
}

/** A number of bytes as people read it: `12.3 MB`. */
export function inWords(bytes: number): string {
  const [unit, divisor] = bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : ['kB', 1e3]
  return `${(bytes / divisor).toFixed(1)} ${unit}`
}
