import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { type Timestamp, timestamp } from '../../clock.ts'

/** When a log file had which size: so the time of every line is known to within the interval of looking. Kept beside the file. */
export interface LogIndex {
  /** Sizes in bytes, growing. */
  readonly sizes: readonly number[]
  /** Milliseconds since 1970 at which the file had that size. */
  readonly times: readonly number[]
}

/** The index that belongs to a log file. */
export function indexOf(file: string): string {
  return `${file}.idx`
}

/** The moment a file was last written at, at the latest: the clock of file systems ticks in steps of up to 10 ms. */
export function writtenAt(mtimeMs: number): number {
  return Math.min(Date.now(), mtimeMs + 10)
}

/** Notes that the file has this size now. */
export function appendIndex(file: string, size: number, at: number): void {
  appendFileSync(indexOf(file), `${size} ${Math.floor(at)}\n`, { mode: 0o600 })
}

export function readIndex(file: string): LogIndex {
  let text: string
  try {
    text = readFileSync(indexOf(file), 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { sizes: [], times: [] }
    throw error
  }
  const pairs = text
    .split('\n')
    .map(line => line.split(' ').map(Number))
    .filter((pair): pair is [number, number] => pair.length === 2 && pair.every(Number.isFinite))
  return { sizes: pairs.map(([size]) => size), times: pairs.map(([, time]) => time) }
}

/** Writes a whole index. */
export function writeIndex(file: string, { sizes, times }: LogIndex): void {
  writeFileSync(indexOf(file), sizes.map((size, position) => `${size} ${times[position]}\n`).join(''), { mode: 0o600 })
}

/** Every second note of an index, the last one included: the times between are known less well, and it does not outgrow its log. */
export function thinned({ sizes, times }: LogIndex): LogIndex {
  const isKept = (_: number, position: number) => position % 2 === (sizes.length - 1) % 2
  return { sizes: sizes.filter(isKept), times: times.filter(isKept) }
}

/** The index of what is left when the first `bytes` of a file are dropped. */
export function shifted({ sizes, times }: LogIndex, bytes: number): LogIndex {
  const first = firstAbove(sizes, bytes)
  return { sizes: sizes.slice(first).map(size => size - bytes), times: times.slice(first) }
}

/** When the byte at `offset` was written, at the latest; `newest` for what the index does not know yet. */
export function timeAt(index: LogIndex, offset: number, newest: number): Timestamp {
  return timestamp(index.times[firstAbove(index.sizes, offset)] ?? newest)
}

/** Where what was written at or after the moment begins. */
export function offsetAt(index: LogIndex, since: number): number {
  const first = index.times.findIndex(time => time >= since)
  return (first === -1 ? index.sizes.at(-1) : index.sizes[first - 1]) ?? 0
}

function firstAbove(sizes: readonly number[], offset: number): number {
  let [low, high] = [0, sizes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sizes[middle] ?? 0) > offset) high = middle
    else low = middle + 1
  }
  return low
}
