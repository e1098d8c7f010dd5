import { copyFile, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'

/** A copy of a database as it was at one moment, and the way to put it back. */
export interface Backup {
  /** Puts the copy in the place of the database. Nobody may have that open. */
  putBack(): Promise<void>
}

/** Copies a database that is in use, as a backup does: all that is committed, and nothing else. */
export function backupOf(file: string): Backup {
  const copy = `${file}.backup`
  const reader = new DatabaseSync(file)
  try {
    reader.prepare('vacuum into ?').run(copy)
  } finally {
    reader.close()
  }
  return {
    async putBack() {
      for (const suffix of ['-wal', '-shm']) await rm(`${file}${suffix}`, { force: true })
      await copyFile(copy, file)
    },
  }
}
