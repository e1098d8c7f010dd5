import { chmodSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

/** A lock the operating system frees when its holder dies, however it dies. */
export interface Lock {
  /** Whether the file is still the one that is locked. Removed or replaced, it lets another in. */
  readonly holds: boolean
  release(): void
}

/**
 * Takes the lock on `file` when nobody holds it, else undefined. A SQLite file, because Node has no other lock that survives `kill -9` of nobody.
 * What was made of the file meanwhile (garbage, a folder, without permissions) is put right: nobody holds a lock on that.
 */
export function takeLock(file: string): Lock | undefined {
  const lock = tryLock(file)
  if (lock !== 'spoilt') return lock
  mend(file)
  const mended = tryLock(file)
  if (mended === 'spoilt') throw new Error(`The lock ${file} cannot be used.`)
  return mended
}

/** Takes the lock as soon as its holder, who is about to let go, has; undefined after `timeoutMs`. */
export async function awaitLock(file: string, timeoutMs: number): Promise<Lock | undefined> {
  for (const until = performance.now() + timeoutMs; ; await delay(10)) {
    const lock = takeLock(file)
    if (lock || performance.now() > until) return lock
  }
}

function tryLock(file: string): Lock | 'spoilt' | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file)
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (!(error instanceof Error)) throw error
    if (/locked|busy/i.test(error.message)) return undefined
    if (/not a database|unable to open|readonly|malformed/i.test(error.message)) return 'spoilt'
    throw error
  }
  const taken = database
  const ino = inodeOf(file)
  return {
    get holds() {
      return inodeOf(file) === ino
    },
    release: () => taken.close(),
  }
}

/** Empties the file rather than removing it: whoever mends it at the same time must end up with the same one. */
function mend(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory()) rmSync(file, { recursive: true })
  if (found?.isFile()) {
    chmodSync(file, 0o600)
    truncateSync(file)
  } else writeFileSync(file, '', { flag: 'a', mode: 0o600 })
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}
