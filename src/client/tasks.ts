import type { Call } from './call.ts'
import type { AskOptions, CallOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf } from './read.ts'
import type { Stream } from './stream.ts'
import type { AcceptedTask, CreateTask, LogLine, LogPage, PageQuery, Task } from './types.ts'
import { etagOf } from './versions.ts'

/** One-off tasks: a command in a service's revision and environment, beside its replicas. */
export interface TasksClient {
  /** Runs it. Comes back once it is recorded: follow its log to its end. */
  run(instanceId: string, task: CreateTask, options?: AskOptions): Promise<AcceptedTask>
  /** Of one instance, newest first. */
  list(instanceId: string, query?: PageQuery, options?: CallOptions): Pages<Task>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<Task>, options?: CallOptions): Promise<Task>
  /** Stops it: SIGTERM, and SIGKILL after the grace of its service. */
  cancel(id: string, options?: AskOptions): Promise<AcceptedTask>
  /** What it wrote. */
  logs(id: string, query?: { readonly tail?: number }, options?: CallOptions): Promise<LogPage>
  /**
   * What it writes, from its first line to its end, each line once, whatever becomes of the connection.
   *
   * @example
   * const task = await client.tasks.run(id, { service: 'web', command: ['npm', 'run', 'migrate'] })
   * for await (const line of client.tasks.followLogs(task.id)) console.log(line.text)
   * const { exit_code } = await client.tasks.get(task.id)
   */
  followLogs(id: string, options?: CallOptions): AsyncGenerator<LogLine, void>
}

/** The tasks of a server. */
export function tasks(call: Call, stream: Stream): TasksClient {
  return {
    run: (id, body, options) => call('POST /v1/instances/{id}/tasks', { path: { id }, body, options }),
    list: (id, query, options) =>
      pagesOf(query, query => call('GET /v1/instances/{id}/tasks', { path: { id }, query, options })),
    get: (of, options) =>
      call('GET /v1/tasks/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    cancel: (id, options) => call('POST /v1/tasks/{id}/cancel', { path: { id }, options }),
    logs: (id, query, options) => call('GET /v1/tasks/{id}/logs', { path: { id }, query, options }),
    async *followLogs(id, options) {
      for await (const told of stream('GET /v1/tasks/{id}/logs/stream', { path: { id }, options })) {
        if (told.kind === 'reopened') continue // a line's place is its number: none is missed
        if (told.event === 'end') return
        yield told.data as LogLine
      }
    },
  }
}
