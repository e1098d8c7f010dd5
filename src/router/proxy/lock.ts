import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

/** A lock the operating system frees when its holder dies, however it dies. */
export interface Lock {
  release(): void
}

/** Takes the lock on `file` when nobody holds it, else undefined. A SQLite file, because Node has no other lock that survives `kill -9` of nobody. */
export function takeLock(file: string): Lock | undefined {
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined
    throw error
  }
  return { release: () => database.close() }
}

/** Takes the lock as soon as its holder, who is about to let go, has; undefined after `timeoutMs`. */
export async function awaitLock(file: string, timeoutMs: number): Promise<Lock | undefined> {
  for (const until = performance.now() + timeoutMs; ; await delay(10)) {
    const lock = takeLock(file)
    if (lock || performance.now() > until) return lock
  }
}
