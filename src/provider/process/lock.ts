import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SlipwayError } from '../../errors.ts'

/**
 * Holds the data folder for this process: records are written by one control plane at a time. The lock is the system's own (SQLite takes
 * it on a side file), so it is free again at once however the process ends. Throws `unavailable` when another one has it.
 */
export function lockFolder(folder: string): { release(): void } {
  const database = new DatabaseSync(join(folder, 'process.lock'))
  try {
    // Its journal would need room on a disk that may have none.
    database.exec('pragma journal_mode = memory; pragma busy_timeout = 0; begin exclusive')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode !== 5) throw error
    throw new SlipwayError('unavailable', `Another Slipway uses the data folder ${folder}.`, {
      next: 'Stop it, or give this one a folder of its own.',
      cause: error,
    })
  }
  return {
    release: () => {
      if (database.isOpen) database.close()
    },
  }
}
