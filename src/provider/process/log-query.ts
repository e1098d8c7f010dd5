import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LogLine, LogQuery } from '../provider.ts'
import type { LogFiles } from './log-files.ts'
import { offsetAt, readIndex, timeAt, writtenAt } from './log-index.ts'
import { type FileLine, linesOf, startOfLast } from './log-lines.ts'
import { namesIn } from './record.ts'

const followMs = 100

/** One of the two files of a replica, current and cut-off. */
interface Stream {
  readonly file: string
  readonly service: string
  readonly replica: string
  readonly stream: LogLine['stream']
}

/** How far a stream was read. */
interface Cursor {
  offset: number
  cuts: number
}

/** The replica's name in its id, which is the name and something unique. */
export function nameIn(id: string): string {
  return id.slice(0, id.lastIndexOf('-'))
}

/** What replicas of an instance wrote, in the order of time, those that are gone included as far as their logs are kept. */
export async function* queryLogs(
  files: LogFiles,
  folder: string,
  query: LogQuery,
  signal?: AbortSignal,
): AsyncGenerator<LogLine> {
  files.sampleFolder(folder)
  const cursors = new Map<string, Cursor>()
  const histories = streamsOf(folder, query).map(stream => {
    const cursor = { offset: sizeOf(stream.file), cuts: files.cuts(stream.file).count }
    cursors.set(stream.file, cursor)
    return history(stream, query, cursor)
  })
  const merged = inOrder(histories)
  for (const line of query.tail === undefined ? merged : lastOf([...merged], query.tail)) {
    if (signal?.aborted) return
    yield line
  }
  while (query.follow && (await waited(signal))) {
    files.sampleFolder(folder)
    const news = streamsOf(folder, query).map(stream => {
      const cursor = cursors.get(stream.file) ?? { offset: 0, cuts: files.cuts(stream.file).count }
      cursors.set(stream.file, cursor)
      return newLines(files, stream, cursor)
    })
    for (const line of inOrder(news)) {
      if (signal?.aborted) return
      yield line
    }
  }
}

/** False when nobody listens any more. */
async function waited(signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return false
  await delay(followMs, undefined, signal ? { signal } : {}).catch((error: unknown) => void error) // aborted: seen below
  return signal?.aborted !== true
}

function streamsOf(folder: string, query: LogQuery): Stream[] {
  return namesIn(folder)
    .filter(service => query.service === undefined || service === query.service)
    .flatMap(service =>
      namesIn(join(folder, service)).flatMap((name): Stream[] => {
        const stream = name.endsWith('.out') ? 'stdout' : name.endsWith('.err') ? 'stderr' : undefined
        const replica = nameIn(name.slice(0, -'.out'.length))
        if (!stream || (query.replicaName !== undefined && query.replicaName !== replica)) return []
        return [{ file: join(folder, service, name), service, replica, stream }]
      }),
    )
}

/** What a stream holds up to the cursor, cut-off files first. */
function* history(stream: Stream, query: LogQuery, cursor: Cursor): Generator<LogLine> {
  const since = query.since === undefined ? undefined : Date.parse(query.since)
  for (const part of partsOf(stream.file, cursor.offset, query.tail)) {
    const index = readIndex(part.file)
    const from = Math.max(part.from, since === undefined ? 0 : offsetAt(index, since))
    const newest = modifiedAt(part.file)
    for (const line of linesOf(part.file, from, part.to)) {
      if (!line.whole && query.follow && part.file === stream.file) {
        cursor.offset = line.start
        return
      }
      const logged = logLine(stream, line, timeAt(index, line.end - 1, newest))
      if (since === undefined || Date.parse(logged.at) >= since) yield logged
    }
  }
}

interface Part {
  readonly file: string
  readonly from: number
  readonly to: number
}

/** The files of a stream, oldest first; with `tail` only as much of them as that many lines need. */
function partsOf(file: string, size: number, tail: number | undefined): Part[] {
  const parts: Part[] = []
  let missing = tail
  for (let number = 0; missing === undefined || missing > 0; number++) {
    const part = number === 0 ? file : `${file}.${number}`
    const to = number === 0 ? size : sizeOf(part)
    if (number > 0 && to === 0) break
    const from = missing === undefined ? 0 : startOfLast(part, to, missing)
    parts.unshift({ file: part, from, to })
    if (missing !== undefined) missing -= from > 0 ? missing : [...linesOf(part, from, to)].length
  }
  return parts
}

function newLines(files: LogFiles, stream: Stream, cursor: Cursor): LogLine[] {
  const lines: LogLine[] = []
  const { count, dropped } = files.cuts(stream.file)
  // Cut since we looked: the rest of what we were reading is in the file that was cut off (several cuts at once skip some).
  if (count !== cursor.cuts) {
    const kept = Math.max(0, cursor.offset - dropped)
    if (count === cursor.cuts + 1) lines.push(...read(stream, `${stream.file}.1`, kept, true).lines)
    cursor.cuts = count
    cursor.offset = 0
  }
  const { lines: rest, end } = read(stream, stream.file, cursor.offset, false)
  cursor.offset = end
  return [...lines, ...rest]
}

function read(stream: Stream, file: string, from: number, unfinished: boolean): { lines: LogLine[]; end: number } {
  const lines: LogLine[] = []
  const size = sizeOf(file)
  let end = from
  if (size <= from) return { lines, end }
  const index = readIndex(file)
  const newest = modifiedAt(file)
  for (const line of linesOf(file, from, size)) {
    if (!line.whole && !unfinished) break
    lines.push(logLine(stream, line, timeAt(index, line.end - 1, newest)))
    end = line.end
  }
  return { lines, end }
}

/** Merges what is in order by itself. */
function* inOrder(sources: readonly Iterable<LogLine>[]): Generator<LogLine> {
  const heads = sources.map(source => {
    const lines = source[Symbol.iterator]()
    return { lines, head: lines.next() }
  })
  for (;;) {
    const waiting = heads.filter(({ head }) => !head.done)
    if (waiting.length === 0) return
    const first = waiting.reduce((a, b) => (atOf(b.head) < atOf(a.head) ? b : a))
    yield first.head.value as LogLine
    first.head = first.lines.next()
  }
}

function lastOf<T>(items: readonly T[], count: number): readonly T[] {
  return items.slice(Math.max(0, items.length - count))
}

function atOf(head: IteratorResult<LogLine, unknown>): string {
  return head.done ? '' : head.value.at
}

function logLine({ service, replica, stream }: Stream, { text }: FileLine, at: string): LogLine {
  return { at, service, replica, stream, text }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function modifiedAt(file: string): number {
  return writtenAt(statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)
}
