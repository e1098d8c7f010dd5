import { EventEmitter, once } from 'node:events'
import type { LogLine, LogQuery } from '../provider.ts'

/** What replicas wrote, per instance. */
export interface FakeLog {
  write(instanceId: string, line: LogLine): void
  read(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogLine>
  forget(instanceId: string): void
}

/** An empty log. */
export function fakeLog(): FakeLog {
  const lines = new Map<string, LogLine[]>()
  const news = new EventEmitter().setMaxListeners(0)

  return {
    write(instanceId, line) {
      const written = lines.get(instanceId)
      if (written) written.push(line)
      else lines.set(instanceId, [line])
      news.emit(instanceId)
    },
    async *read(query, signal) {
      const { instanceId, tail, follow } = query
      const matches = (line: LogLine) =>
        (query.service ?? line.service) === line.service &&
        (query.replicaName ?? line.replica) === line.replica &&
        line.at >= (query.since ?? '')
      let read = lines.get(instanceId)?.length ?? 0
      const past = (lines.get(instanceId) ?? []).filter(matches)
      yield* tail === undefined ? past : past.slice(Math.max(0, past.length - tail))
      if (!follow) return
      for (;;) {
        const all = lines.get(instanceId) ?? []
        if (all.length > read) {
          const fresh = all.slice(read)
          read = all.length
          yield* fresh.filter(matches)
        } else if (!(await newLine(instanceId, signal))) {
          return
        }
      }
    },
    forget(instanceId) {
      lines.delete(instanceId)
    },
  }

  /** Waits for a line; false when the signal is aborted instead. */
  async function newLine(instanceId: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await once(news, instanceId, signal ? { signal } : {})
      return true
    } catch (error) {
      if (signal?.aborted) return false
      throw error
    }
  }
}
