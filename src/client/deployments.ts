import type { Call } from './call.ts'
import type { EventsClient } from './events.ts'
import { followLog, type LogBreak } from './logs.ts'
import type { AskOptions, CallOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf } from './read.ts'
import type { Stream } from './stream.ts'
import type {
  Accepted,
  Deployment,
  DeploymentQuery,
  DeployRequest,
  Event,
  Items,
  LogLine,
  LogPage,
  LogQuery,
  OneDeployment,
  PerformedStep,
  Plan,
  Promote,
  RollbackRequest,
  Timeline,
  Traffic,
} from './types.ts'
import { etagOf } from './versions.ts'
import { type Watched, type WatchOptions, type WatchReset, watch, idOf as watchedId } from './watch.ts'

/** Deployments: asking for them, following them, and what is asked of them while they run. */
export interface DeploymentsClient {
  /** What a deploy would do; nothing is written. */
  plan(instanceId: string, request: DeployRequest, options?: AskOptions): Promise<Plan>
  /** Makes a release and starts its rollout. Comes back once it is recorded, not when it is done: watch it. */
  create(instanceId: string, request: DeployRequest, options?: AskOptions): Promise<Accepted>
  /** Brings a release back that was active before; without `release_id` the one before this. */
  rollback(instanceId: string, request?: RollbackRequest, options?: AskOptions): Promise<Accepted>
  /** Across instances, newest first. */
  list(query?: DeploymentQuery, options?: CallOptions): Pages<Deployment>
  /** One of them, with what may be asked of it. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<OneDeployment>, options?: CallOptions): Promise<OneDeployment>
  /** Its steps: what came of those that were begun, and those to come. */
  steps(id: string, options?: CallOptions): Promise<Items<PerformedStep>>
  /** Where its time went: bars by service and phase, and what happened. */
  timeline(id: string, options?: CallOptions): Promise<Timeline>
  /** How its traffic was set and what each revision got, and what its checks found, over time. */
  traffic(id: string, options?: CallOptions): Promise<Traffic>
  /** Releases a pause of the plan. */
  promote(id: string, which?: Promote, options?: AskOptions): Promise<Accepted>
  /** Waits after the current step. */
  pause(id: string, options?: AskOptions): Promise<Accepted>
  /** Releases a pause that someone asked for. */
  resume(id: string, options?: AskOptions): Promise<Accepted>
  /** Stops it, and brings back what served before. */
  cancel(id: string, options?: AskOptions): Promise<Accepted>
  /** A new deployment of the same request. */
  retry(id: string, options?: AskOptions): Promise<Accepted>
  /** What was written while it ran. */
  logs(id: string, query?: LogQuery, options?: CallOptions): Promise<LogPage>
  /** What is written from its start on, until the signal is aborted. A {@link LogBreak} says where it was cut. */
  followLogs(id: string, query?: LogQuery, options?: CallOptions): AsyncGenerator<LogLine | LogBreak, void>
  /**
   * Its events in order, up to its end. Connected again by itself, without loss or repetition, also when the server dies and is started again.
   *
   * @example
   * const asked = await client.deployments.create(id, { services: [{ name: 'web', image: 'npm:shop@2' }] })
   * for await (const event of client.deployments.watch(asked)) console.log(event.type)
   */
  watch(of: Watched, options?: WatchOptions): AsyncGenerator<Event | WatchReset, void>
  /** Waits for its end, and reads it. It ends as it ends: look at its `state`. */
  finished(of: Watched, options?: CallOptions): Promise<OneDeployment>
}

/** The deployments of a server. */
export function deployments(call: Call, stream: Stream, events: EventsClient): DeploymentsClient {
  const get: DeploymentsClient['get'] = (of, options) =>
    call('GET /v1/deployments/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options })
  return {
    plan: (id, body, options) => call('POST /v1/instances/{id}/plan', { path: { id }, body, options }),
    create: (id, body, options) => call('POST /v1/instances/{id}/deployments', { path: { id }, body, options }),
    rollback: (id, body = {}, options) => call('POST /v1/instances/{id}/rollback', { path: { id }, body, options }),
    list: (query, options) => pagesOf(query, query => call('GET /v1/deployments', { query, options })),
    get,
    steps: (id, options) => call('GET /v1/deployments/{id}/steps', { path: { id }, options }),
    // What is absent is told by hono as `undefined`, which JSON does not have.
    timeline: async (id, options) =>
      (await call('GET /v1/deployments/{id}/timeline', { path: { id }, options })) as Timeline,
    traffic: (id, options) => call('GET /v1/deployments/{id}/traffic', { path: { id }, options }),
    promote: (id, body = {}, options) => call('POST /v1/deployments/{id}/promote', { path: { id }, body, options }),
    pause: (id, options) => call('POST /v1/deployments/{id}/pause', { path: { id }, options }),
    resume: (id, options) => call('POST /v1/deployments/{id}/resume', { path: { id }, options }),
    cancel: (id, options) => call('POST /v1/deployments/{id}/cancel', { path: { id }, options }),
    retry: (id, options) => call('POST /v1/deployments/{id}/retry', { path: { id }, options }),
    logs: (id, query, options) => call('GET /v1/deployments/{id}/logs', { path: { id }, query, options }),
    followLogs: (id, query, options) => followLog(stream, 'GET /v1/deployments/{id}/logs/stream', id, query, options),
    watch: (of, options) => watch(call, events, of, options),
    async finished(of, options) {
      for await (const event of watch(call, events, of, options)) void event // because only the end is waited for
      return await get(watchedId(of), options)
    },
  }
}
