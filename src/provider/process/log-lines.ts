import { closeSync, openSync, readSync } from 'node:fs'

/** A line of a file, without its newline. */
export interface FileLine {
  readonly text: string
  /** Where it begins, in bytes. */
  readonly start: number
  /** Where the next one begins. */
  readonly end: number
  /** False for what stands after the last newline. */
  readonly whole: boolean
}

const chunkBytes = 64 * 1024
/** A line that is longer is handed out in pieces, so that a program without newlines takes no memory. */
const longestLine = 256 * 1024
const newline = 0x0a

/** The lines between two offsets, read piece by piece. None when the file is gone. */
export function* linesOf(file: string, from: number, to: number): Generator<FileLine> {
  const descriptor = openIfThere(file)
  if (descriptor === undefined) return
  try {
    let rest: Buffer = Buffer.alloc(0)
    let start = from
    for (let position = from; position < to; ) {
      const chunk = Buffer.alloc(Math.min(chunkBytes, to - position))
      const size = readSync(descriptor, chunk, 0, chunk.length, position)
      if (size === 0) break
      position += size
      let buffer = Buffer.concat([rest, chunk.subarray(0, size)])
      for (let at = buffer.indexOf(newline); at !== -1; at = buffer.indexOf(newline)) {
        yield { text: textOf(buffer.subarray(0, at)), start, end: start + at + 1, whole: true }
        start += at + 1
        buffer = buffer.subarray(at + 1)
      }
      if (buffer.length > longestLine) {
        yield { text: textOf(buffer), start, end: start + buffer.length, whole: true }
        start += buffer.length
        buffer = Buffer.alloc(0)
      }
      rest = buffer
    }
    if (rest.length > 0) yield { text: textOf(rest), start, end: start + rest.length, whole: false }
  } finally {
    closeSync(descriptor)
  }
}

/** Where the last `count` lines before `to` begin. */
export function startOfLast(file: string, to: number, count: number): number {
  const descriptor = openIfThere(file)
  if (descriptor === undefined || count <= 0) return to
  try {
    let missing = count
    for (let end = to; end > 0; ) {
      const start = Math.max(0, end - chunkBytes)
      const chunk = Buffer.alloc(end - start)
      readSync(descriptor, chunk, 0, chunk.length, start)
      // A newline at the very end belongs to the last line.
      let at = chunk.lastIndexOf(newline, end === to ? chunk.length - 2 : chunk.length - 1)
      for (; at !== -1; at = at === 0 ? -1 : chunk.lastIndexOf(newline, at - 1)) {
        missing--
        if (missing === 0) return start + at + 1
      }
      end = start
    }
    return 0
  } finally {
    closeSync(descriptor)
  }
}

/** The last lines of a file, as text. */
export function lastLines(file: string, size: number, count: number): string[] {
  return [...linesOf(file, startOfLast(file, size, count), size)].map(line => line.text)
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function textOf(line: Buffer): string {
  const text = line.toString('utf8')
  return text.endsWith('\r') ? text.slice(0, -1) : text
}
