import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isSlipwayError, roomFault } from '../../errors.ts'
import { appendIndex, indexOf, readIndex, shifted, thinned, writeIndex, writtenAt } from './log-index.ts'
import { linesOf } from './log-lines.ts'
import { namesIn, removeFiles } from './record.ts'

/** How much is kept of what replicas write. */
export interface LogLimits {
  /**
   * Size at which a stream of a replica is cut, in bytes. Looked at every 250 ms, and not while no control plane runs; of what grew to
   * more than twice the size until then, the last so many bytes are kept. Default 10 MiB.
   */
  readonly maxBytes?: number
  /** How many cut-off files of that size are kept per stream. Default 1. */
  readonly keep?: number
  /** How many replicas that are gone a service keeps the logs of. Default 10. */
  readonly keepEnded?: number
  /** How much it keeps of them, in bytes; those of the last one that went stay whatever their size. Default 50 MiB. */
  readonly maxEndedBytes?: number
}

const MiB = 1024 * 1024

export const logDefaults = {
  maxBytes: 10 * MiB,
  keep: 1,
  keepEnded: 10,
  maxEndedBytes: 50 * MiB,
} as const satisfies Required<LogLimits>

/** So many notes of when a file had which size are kept: a program that writes a few bytes at a time would make more of them than log. */
const mostNotes = 50_000

/** The logs a replica or task writes to, as open descriptors for it to inherit. */
export interface OpenLogs {
  readonly stdout: number
  readonly stderr: number
  /** Closes our side. */
  close(): void
}

/** What became of the beginning of a file. */
export interface Cuts {
  readonly count: number
  readonly dropped: number
}

/** The log files of everything that runs. */
export interface LogFiles {
  /** Opens the files of a replica in its service's folder and looks after them from now on. */
  open(folder: string, id: string): OpenLogs
  /** Looks after the files of a replica that an earlier control plane started. */
  adopt(folder: string, id: string): void
  /** A last look at the files of a replica that ended. */
  finish(folder: string, id: string): void
  /** Removes the files of one that never ran. */
  discard(folder: string, id: string): void
  /** Notes how the files grew, and cuts those that are too large. One file that can't be looked after keeps no other waiting; the error is thrown after the last. */
  sample(): void
  /** Looks at the files in a folder now. */
  sampleFolder(folder: string): void
  /** How often a file was cut, and how many of its first bytes the last cut did not keep: what was at an offset is elsewhere after that. */
  cuts(file: string): Cuts
  /** Removes the logs of replicas that are gone, but for the newest. */
  prune(folder: string): void
  /** Stops looking after everything below this folder. */
  drop(folder: string): void
}

/** The two files of a replica. */
export function streamFiles(folder: string, id: string): { readonly stdout: string; readonly stderr: string } {
  return { stdout: join(folder, `${id}.out`), stderr: join(folder, `${id}.err`) }
}

/**
 * Programs write to the files themselves, so that they go on when we die; they are opened for appending, and cut by copying what is
 * there to `<file>.1` and emptying the file. What is written in the microseconds between the two is lost.
 */
export function logFiles(limits: LogLimits): LogFiles {
  const { maxBytes, keep, keepEnded, maxEndedBytes } = { ...logDefaults, ...limits }
  const sizes = new Map<string, number>()
  const notes = new Map<string, number>()
  const cuts = new Map<string, Cuts>()

  function look(file: string): void {
    const found = statSync(file, { throwIfNoEntry: false })
    if (!found) return forget(file)
    if (found.size > (sizes.get(file) ?? 0)) {
      // Without room for the note its lines count as written when the next note was.
      ifRoom(() => note(file, found.size, found.mtimeMs))
      sizes.set(file, found.size)
    }
    if (found.size > maxBytes) cut(file)
  }

  function note(file: string, size: number, mtimeMs: number): void {
    appendIndex(file, size, writtenAt(mtimeMs))
    const count = (notes.get(file) ?? readIndex(file).sizes.length - 1) + 1
    notes.set(file, count)
    if (count <= mostNotes) return
    const index = thinned(readIndex(file))
    writeIndex(file, index)
    notes.set(file, index.sizes.length)
  }

  function forget(file: string): void {
    sizes.delete(file)
    notes.delete(file)
    cuts.delete(file)
  }

  function cut(file: string): void {
    for (let number = keep; number > 1; number--) {
      moveIfThere(`${file}.${number - 1}`, `${file}.${number}`)
      moveIfThere(indexOf(`${file}.${number - 1}`), indexOf(`${file}.${number}`))
    }
    const size = statSync(file).size
    const dropped = size > 2 * maxBytes ? nextLine(file, size - maxBytes, size) : 0
    const copied =
      keep > 0 &&
      ifRoom(() => {
        writeIndex(`${file}.1`, shifted(readIndex(file), dropped))
        copyFrom(file, dropped, `${file}.1`)
      })
    // A log that there is no room to keep is dropped, which makes some.
    if (!copied) removeFiles(`${file}.1`, indexOf(`${file}.1`))
    truncateSync(file)
    removeFiles(indexOf(file))
    sizes.set(file, 0)
    notes.set(file, 0)
    cuts.set(file, { count: (cuts.get(file)?.count ?? 0) + 1, dropped })
  }

  function lookAll(files: readonly string[]): void {
    const failures: unknown[] = []
    for (const file of files) {
      try {
        look(file)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  const filesOf = (folder: string, id: string) => Object.values(streamFiles(folder, id))

  return {
    open(folder, id) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const { stdout, stderr } = streamFiles(folder, id)
      const [out, err] = [openSync(stdout, 'a', 0o600), openSync(stderr, 'a', 0o600)]
      for (const file of [stdout, stderr]) sizes.set(file, 0)
      return {
        stdout: out,
        stderr: err,
        close: () => {
          closeSync(out)
          closeSync(err)
        },
      }
    },
    adopt(folder, id) {
      for (const file of filesOf(folder, id)) sizes.set(file, readIndex(file).sizes.at(-1) ?? 0)
    },
    finish(folder, id) {
      for (const file of filesOf(folder, id)) {
        if (sizes.has(file)) look(file)
        sizes.delete(file)
        notes.delete(file)
      }
    },
    discard(folder, id) {
      for (const file of filesOf(folder, id)) {
        forget(file)
        removeFiles(file, indexOf(file))
      }
    },
    sample: () => lookAll([...sizes.keys()]),
    sampleFolder: folder => lookAll([...sizes.keys()].filter(file => file.startsWith(`${folder}/`))),
    cuts: file => cuts.get(file) ?? { count: 0, dropped: 0 },
    prune(folder) {
      const names = namesIn(folder)
      const ended = names
        .filter(name => name.endsWith('.out') && !sizes.has(join(folder, name)))
        .map(name => ({ id: name.slice(0, -'.out'.length), at: statSync(join(folder, name)).mtimeMs }))
        .toSorted((a, b) => b.at - a.at)
      let kept = 0
      for (const [place, { id }] of ended.entries()) {
        const theirs = names
          .filter(name => name.startsWith(`${id}.out`) || name.startsWith(`${id}.err`))
          .map(name => join(folder, name))
        kept += theirs.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
        if (place < keepEnded && (place === 0 || kept <= maxEndedBytes)) continue
        removeFiles(...theirs)
        for (const file of filesOf(folder, id)) forget(file)
      }
    },
    drop(folder) {
      for (const file of sizes.keys()) if (file.startsWith(`${folder}/`)) forget(file)
    },
  }
}

/** Whether the disk had room for it. */
function ifRoom(write: () => void): boolean {
  try {
    write()
    return true
  } catch (error) {
    if (!isSlipwayError(roomFault(error, 'A log cannot be written'), 'disk_full')) throw error
    return false
  }
}

/** Where the first whole line after an offset begins. */
function nextLine(file: string, offset: number, size: number): number {
  const first = linesOf(file, offset, size).next()
  return first.done ? offset : first.value.end
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Copies to the end as it is when it gets there, not as it was at the beginning. */
function copyFrom(file: string, offset: number, to: string): void {
  const [source, target] = [openSync(file, 'r'), openSync(to, 'w', 0o600)]
  try {
    const chunk = Buffer.alloc(256 * 1024)
    let position = offset
    for (let size = readSync(source, chunk, 0, chunk.length, position); size > 0; ) {
      writeSync(target, chunk, 0, size)
      position += size
      size = readSync(source, chunk, 0, chunk.length, position)
    }
  } finally {
    closeSync(source)
    closeSync(target)
  }
}
