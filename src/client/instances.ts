import type { Call } from './call.ts'
import { followLog, type LogBreak } from './logs.ts'
import type { AskOptions, CallOptions, ChangeOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf, type Known } from './read.ts'
import type { Stream } from './stream.ts'
import type {
  Accepted,
  Adopted,
  Created,
  CreateInstance,
  Health,
  HealthQuery,
  InstanceItem,
  InstanceQuery,
  Items,
  LogLine,
  LogPage,
  LogQuery,
  OneInstance,
  Replica,
  Restart,
  Scale,
  ServiceStatus,
  Summary,
  UpdateInstance,
} from './types.ts'
import { etagOf } from './versions.ts'

/** Instances: what is declared, what there is, and what is done to them as a whole. */
export interface InstancesClient {
  /** Newest first. */
  list(query?: InstanceQuery, options?: CallOptions): Pages<InstanceItem>
  /** Declares an instance and starts its services; watch what it gives to see it come up. */
  create(instance: CreateInstance, options?: AskOptions): Promise<Created>
  /** How many there are, and how many move. */
  summary(options?: CallOptions): Promise<Summary>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<OneInstance>, options?: CallOptions): Promise<OneInstance>
  /** Changes name, hosts, exposed service or policies. */
  update(of: Known, change: UpdateInstance, options?: ChangeOptions): Promise<OneInstance>
  /** Deletes it with its data. `confirm` is its name. */
  delete(of: Known, confirm: string, options?: ChangeOptions): Promise<Accepted>
  /** Services with what is wanted of them and what there is. */
  services(id: string, options?: CallOptions): Promise<Items<ServiceStatus>>
  /** Replicas with their health. */
  replicas(id: string, options?: CallOptions): Promise<Items<Replica>>
  /** How it was in the last hours, in buckets: the instance, and each of its services. */
  health(id: string, query?: HealthQuery, options?: CallOptions): Promise<Health>
  /** Changes replica counts: `{ web: 3 }`. */
  scale(id: string, replicas: Scale['replicas'], options?: AskOptions): Promise<Accepted>
  /** Replaces replicas by new ones of the same revision; of all services when none is named. */
  restart(id: string, which?: Restart, options?: AskOptions): Promise<Accepted>
  /** Takes everything down; the declaration stays. */
  stop(id: string, options?: AskOptions): Promise<Accepted>
  /** Brings a stopped one up again. */
  start(id: string, options?: AskOptions): Promise<Accepted>
  /** You have looked at one that needs attention: what is stored of it is what is wanted again. */
  adopt(id: string, options?: AskOptions): Promise<Adopted>
  /** What its replicas wrote, in the order of time. */
  logs(id: string, query?: LogQuery, options?: CallOptions): Promise<LogPage>
  /** What they write, until the signal is aborted. A {@link LogBreak} says where it was cut. */
  followLogs(id: string, query?: LogQuery, options?: CallOptions): AsyncGenerator<LogLine | LogBreak, void>
}

/** The instances of a server. */
export function instances(call: Call, stream: Stream): InstancesClient {
  return {
    list: (query, options) => pagesOf(query, query => call('GET /v1/instances', { query, options })),
    create: (body, options) => call('POST /v1/instances', { body, options }),
    // What is absent is told by hono as `undefined`, which JSON does not have.
    summary: async options => (await call('GET /v1/instances/summary', { options })) as Summary,
    get: (of, options) =>
      call('GET /v1/instances/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    update: (of, body, options) =>
      call('PATCH /v1/instances/{id}', {
        path: { id: idOf(of) },
        body,
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      }),
    delete: (of, confirm, options) =>
      call('DELETE /v1/instances/{id}', {
        path: { id: idOf(of) },
        query: { confirm },
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      }),
    services: (id, options) => call('GET /v1/instances/{id}/services', { path: { id }, options }),
    replicas: (id, options) => call('GET /v1/instances/{id}/replicas', { path: { id }, options }),
    health: async (id, query, options) =>
      (await call('GET /v1/instances/{id}/health', { path: { id }, query, options })) as Health,
    scale: (id, replicas, options) =>
      call('POST /v1/instances/{id}/scale', { path: { id }, body: { replicas }, options }),
    restart: (id, body, options) => call('POST /v1/instances/{id}/restart', { path: { id }, body, options }),
    stop: (id, options) => call('POST /v1/instances/{id}/stop', { path: { id }, options }),
    start: (id, options) => call('POST /v1/instances/{id}/start', { path: { id }, options }),
    adopt: (id, options) => call('POST /v1/instances/{id}/adopt', { path: { id }, options }),
    logs: (id, query, options) => call('GET /v1/instances/{id}/logs', { path: { id }, query, options }),
    followLogs: (id, query, options) => followLog(stream, 'GET /v1/instances/{id}/logs/stream', id, query, options),
  }
}
