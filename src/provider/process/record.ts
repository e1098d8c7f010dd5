import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Timestamp } from '../../clock.ts'
import type { Revision } from '../../deploy/step.ts'
import { roomFault } from '../../errors.ts'
import type { GroupName } from './group.ts'

/** What is kept of a replica, one file each: enough for a later control plane to find it, stop it and say how it ended. No secrets. */
export interface ReplicaRecord extends GroupName {
  readonly id: string
  readonly name: string
  readonly instanceId: string
  readonly service: string
  readonly revision: Revision
  readonly ordinal: number
  readonly storeId: string
  readonly epoch: number
  readonly startedAt: Timestamp
  /** Port by its name. */
  readonly ports: Readonly<Record<string, number>>
  readonly cwd: string
  /** When SIGTERM was sent. */
  readonly stoppingAt?: Timestamp
  /** How it ended; written once nothing of its group is left. */
  readonly exitCode?: number
}

/** The exit code of a replica that ended without leaving one: its launcher was killed, or the machine stopped. */
export const unknownExit = -1

/**
 * Writes a file so that readers see all of it or none: beside it, then renamed. Synchronous, because a program waits behind the latch
 * for it; not flushed, because the processes it names do not outlive the machine either.
 */
export function writeRecord(file: string, record: object): void {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 })
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw roomFault(error, `${file} cannot be written`)
  }
}

/** A record, or undefined when there is none. Half a record, as a machine that lost power may leave, is none. */
export function readRecord(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** What stands in an exit file until the launcher writes over it. */
export const exitPlace = ' '.repeat(15)

/** What a launcher wrote: an exit code, `never` when it did not get past the latch, undefined when it wrote nothing (yet). */
export function readExit(file: string): number | 'never' | undefined {
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const [, word] = /^(never|\d+)\n/.exec(text) ?? []
  if (word === undefined) return undefined
  return word === 'never' ? 'never' : Number(word)
}

/** Names in a folder; none when it is not there. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Makes the folder a file lies in. */
export function makeFolderOf(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
}

/** Removes files that may be there. */
export function removeFiles(...files: readonly string[]): void {
  for (const file of files) rmSync(file, { force: true })
}
