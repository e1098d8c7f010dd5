import type { Call } from './call.ts'
import type { AskOptions, CallOptions, ChangeOptions } from './options.ts'
import { type Pages, pagesOf } from './pages.ts'
import { type ById, idOf, type Known } from './read.ts'
import type {
  CreateWebhook,
  DeliveriesQuery,
  Delivery,
  IssuedWebhook,
  OneDelivery,
  PageQuery,
  ReplayWebhook,
  RotateWebhook,
  UpdateWebhook,
  Webhook,
} from './types.ts'
import { etagOf } from './versions.ts'

/** Webhooks, and what was sent to them. A secret is shown once: rotate it when its answer was lost on the way. */
export interface WebhooksClient {
  /** Newest first. */
  list(query?: PageQuery, options?: CallOptions): Pages<Webhook>
  /** It is told of what happens from now on. */
  create(webhook: CreateWebhook, options?: AskOptions): Promise<IssuedWebhook>
  /** One of them. Given as it was read, it is only fetched when it has changed. */
  get(of: ById<Webhook>, options?: CallOptions): Promise<Webhook>
  /** Changes what it is told and where; disables it, or enables it again. */
  update(of: Known, change: UpdateWebhook, options?: ChangeOptions): Promise<Webhook>
  /** Deletes it with its deliveries. */
  delete(of: Known, options?: ChangeOptions): Promise<void>
  /** A new secret; requests are signed with the old one as well a while longer. */
  rotate(id: string, how?: RotateWebhook, options?: AskOptions): Promise<IssuedWebhook>
  /** Sends it a `webhook.ping`. */
  test(id: string, options?: AskOptions): Promise<OneDelivery>
  /** Delivers everything again that happened since a moment, in order. */
  replayAll(id: string, since: ReplayWebhook, options?: AskOptions): Promise<Webhook>
  /** What was sent to it and what came of it, newest first. */
  deliveries(id: string, query?: DeliveriesQuery, options?: CallOptions): Pages<Delivery>
  /** One delivery, with its attempts and what is sent. */
  delivery(id: string, delivery: string, options?: CallOptions): Promise<OneDelivery>
  /** Delivers one again; one that waits for its next try is tried now. */
  replay(id: string, delivery: string, options?: AskOptions): Promise<OneDelivery>
}

/** The webhooks of a server. */
export function webhooks(call: Call): WebhooksClient {
  return {
    list: (query, options) => pagesOf(query, query => call('GET /v1/webhooks', { query, options })),
    create: (body, options) => call('POST /v1/webhooks', { body, options }),
    get: (of, options) =>
      call('GET /v1/webhooks/{id}', { path: { id: idOf(of) }, ifNoneMatch: etagOf(of), known: of, options }),
    update: (of, body, options) =>
      call('PATCH /v1/webhooks/{id}', {
        path: { id: idOf(of) },
        body,
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      }),
    async delete(of, options) {
      await call('DELETE /v1/webhooks/{id}', {
        path: { id: idOf(of) },
        ifMatch: options?.ifMatch ?? etagOf(of),
        options,
      })
    },
    rotate: (id, body = {}, options) => call('POST /v1/webhooks/{id}/rotate', { path: { id }, body, options }),
    test: (id, options) => call('POST /v1/webhooks/{id}/test', { path: { id }, options }),
    replayAll: (id, body, options) => call('POST /v1/webhooks/{id}/replay', { path: { id }, body, options }),
    deliveries: (id, query, options) =>
      pagesOf(query, query => call('GET /v1/webhooks/{id}/deliveries', { path: { id }, query, options })),
    delivery: (id, delivery, options) =>
      call('GET /v1/webhooks/{id}/deliveries/{delivery}', { path: { id, delivery }, options }),
    replay: (id, delivery, options) =>
      call('POST /v1/webhooks/{id}/deliveries/{delivery}/replay', { path: { id, delivery }, options }),
  }
}
