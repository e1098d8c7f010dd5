import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'

/**
 * How large the write-ahead log is kept, bytes: what SQLite lets it grow to between two checkpoints (1000 pages and their headers), and
 * half as much again. It is overwritten from its start after each checkpoint and cut back to this when it had to be larger.
 */
export const logBytes = 6 * 1024 * 1024

const chunkBytes = 1024 * 1024

/**
 * Gives the log of a data file its room before it needs it. What only overwrites (heartbeats, leases, states) is committed from then on
 * though the disk is full. Zeros behind the last frame are no frame to SQLite, as the leftovers of an earlier round are not. A disk that is
 * full already gives what it has.
 */
export function reserveLog(path: string): void {
  const log = openSync(`${path}-wal`, 'a', 0o600)
  try {
    const zeros = Buffer.alloc(chunkBytes)
    for (let missing = logBytes - fstatSync(log).size; missing > 0; )
      missing -= writeSync(log, zeros, 0, Math.min(chunkBytes, missing))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(log)
  }
}
