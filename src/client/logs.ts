import type { RouteKey } from '../server/index.ts'
import type { CallOptions } from './options.ts'
import type { Stream } from './stream.ts'
import type { LogLine, LogQuery } from './types.ts'

/**
 * Logs have places, but no order that replicas share: after a cut the stream goes on behind the last line, and lines that other replicas
 * wrote about then, or that were thrown away meanwhile, may be missing. This says where.
 */
export interface LogBreak {
  readonly type: 'break'
  /** When the last line before it was written; absent when there was none, so that the stream began anew. */
  readonly since?: string
}

/** Follows a log until the signal is aborted. */
export async function* followLog(
  stream: Stream,
  key: RouteKey,
  id: string,
  query: LogQuery | undefined,
  options: CallOptions | undefined,
): AsyncGenerator<LogLine | LogBreak, void> {
  let since: string | undefined
  for await (const told of stream(key, { path: { id }, query, options })) {
    if (told.kind === 'reopened') {
      yield { type: 'break', ...(since === undefined ? {} : { since }) }
      continue
    }
    const line = told.data as LogLine
    since = line.at
    yield line
  }
}
