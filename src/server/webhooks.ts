import { z } from 'zod'
import { given } from '../deploy/schema.ts'
import type { Delivery, Webhook } from '../event/webhook.ts'
import type {
  CreateWebhookRequest,
  ReplayWebhookRequest,
  RotateWebhookRequest,
  UpdateWebhookRequest,
} from '../event/webhook-schema.ts'
import { unwire, wire } from '../wire.ts'
import { etagOf, ifMatch } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { pageAnswer } from './links.ts'
import { body, json, optionalBody, resource, route } from './route.ts'
import { idParam, pageOf, paging, tenantQuery } from './schema/shared.ts'
import {
  createWebhookBody,
  deliveriesQuery,
  deliverySchema,
  issuedWebhookSchema,
  oneDeliverySchema,
  replayWebhookBody,
  rotateWebhookBody,
  updateWebhookBody,
  webhookSchema,
} from './schema/webhook.ts'

const one = { params: idParam, query: z.object(tenantQuery) }
const ofOne = { params: idParam.extend({ delivery: z.string().min(1).max(100) }), query: z.object(tenantQuery) }

const list = route('GET /v1/webhooks', {
  summary: 'Webhooks, newest first',
  request: { query: z.object({ ...paging, ...tenantQuery }) },
  responses: { 200: json('A page', pageOf(webhookSchema)) },
})
const create = route('POST /v1/webhooks', {
  summary: 'Have events sent to a URL; the secret they are signed with is shown once',
  request: { query: one.query, body: body(createWebhookBody) },
  responses: { 201: json('The webhook with its secret', issuedWebhookSchema) },
})
const get = route('GET /v1/webhooks/{id}', {
  summary: 'One webhook',
  versioned: true,
  request: one,
  responses: { 200: json('The webhook', webhookSchema) },
})
const update = route('PATCH /v1/webhooks/{id}', {
  summary: 'Change what it is told and where; disable it, or enable it again',
  request: { ...one, body: body(updateWebhookBody) },
  responses: { 200: json('As it is now', webhookSchema) },
})
const remove = route('DELETE /v1/webhooks/{id}', {
  summary: 'Delete a webhook and its deliveries',
  request: one,
  responses: { 204: { description: 'It is gone' } },
})
const rotate = route('POST /v1/webhooks/{id}/rotate', {
  summary: 'A new secret; requests are signed with the old one as well a while longer',
  request: { ...one, body: optionalBody(rotateWebhookBody) },
  responses: { 200: json('The webhook with its new secret', issuedWebhookSchema) },
})
const test = route('POST /v1/webhooks/{id}/test', {
  summary: 'Send it a `webhook.ping`',
  request: one,
  responses: { 202: json('Its delivery', oneDeliverySchema) },
})
const replayAll = route('POST /v1/webhooks/{id}/replay', {
  summary: 'Deliver everything again that happened since a moment, in order',
  request: { ...one, body: body(replayWebhookBody) },
  responses: { 202: json('The webhook', webhookSchema) },
})
const deliveries = route('GET /v1/webhooks/{id}/deliveries', {
  summary: 'What was sent to it and what came of it, newest first',
  request: { params: idParam, query: deliveriesQuery },
  responses: { 200: json('A page', pageOf(deliverySchema)) },
})
const delivery = route('GET /v1/webhooks/{id}/deliveries/{delivery}', {
  summary: 'One delivery, with its attempts and what is sent',
  versioned: true,
  request: ofOne,
  responses: { 200: json('The delivery', oneDeliverySchema) },
})
const replay = route('POST /v1/webhooks/{id}/deliveries/{delivery}/replay', {
  summary: 'Deliver one again; one that waits for its next try is tried now',
  request: ofOne,
  responses: { 202: json('The delivery that is made', oneDeliverySchema) },
})

/** Webhooks, and what was sent to them. */
export function webhooks(parts: ServerParts) {
  const pathOf = (of: Delivery): string => `${parts.basePath}/v1/webhooks/${of.webhookId}/deliveries/${of.id}`
  return resource()
    .openapi(list, async c => {
      const { limit, cursor } = c.req.valid('query')
      return c.json(pageAnswer(c, parts, await c.var.acting.webhooks.list(given({ limit, cursor }))), 200)
    })
    .openapi(create, async c => {
      const request = unwire(c.req.valid('json')) as CreateWebhookRequest
      const { webhook, secret } = await c.var.acting.webhooks.create(request)
      c.set('secretOf', webhook.id)
      c.header('Location', `${parts.basePath}/v1/webhooks/${webhook.id}`)
      return c.json({ ...wire(webhook), secret }, 201)
    })
    .openapi(get, async c => {
      const webhook = await c.var.acting.webhooks.get(c.req.valid('param').id)
      c.set('etag', versionOf(webhook))
      return c.json(wire(webhook), 200)
    })
    .openapi(update, async c => {
      const check = ifMatch(c)
      const change = unwire(c.req.valid('json')) as UpdateWebhookRequest
      const { id } = c.req.valid('param')
      const webhook = await c.var.acting.webhooks.update(id, change, now => check(versionOf(now)))
      c.set('etag', versionOf(webhook))
      return c.json(wire(webhook), 200)
    })
    .openapi(remove, async c => {
      const check = ifMatch(c)
      await c.var.acting.webhooks.delete(c.req.valid('param').id, now => check(versionOf(now)))
      return c.body(null, 204)
    })
    .openapi(rotate, async c => {
      const request = unwire(c.req.valid('json')) as RotateWebhookRequest
      const { webhook, secret } = await c.var.acting.webhooks.rotate(c.req.valid('param').id, request)
      c.set('secretOf', webhook.id)
      return c.json({ ...wire(webhook), secret }, 200)
    })
    .openapi(test, async c => {
      const sent = await c.var.acting.webhooks.test(c.req.valid('param').id)
      c.header('Location', pathOf(sent))
      return c.json(whole(sent), 202)
    })
    .openapi(replayAll, async c => {
      const request = unwire(c.req.valid('json')) as ReplayWebhookRequest
      return c.json(wire(await c.var.acting.webhooks.replayAll(c.req.valid('param').id, request)), 202)
    })
    .openapi(deliveries, async c => {
      const { limit, cursor, state } = c.req.valid('query')
      const options = given({ limit, cursor, states: state })
      const page = await c.var.acting.webhooks.deliveries(c.req.valid('param').id, options)
      return c.json(pageAnswer(c, parts, { ...page, items: page.items.map(summary) }), 200)
    })
    .openapi(delivery, async c => {
      const { id, delivery } = c.req.valid('param')
      const found = whole(await c.var.acting.webhooks.delivery(id, delivery))
      c.set('etag', etagOf(found))
      return c.json(found, 200)
    })
    .openapi(replay, async c => {
      const { id, delivery } = c.req.valid('param')
      const made = await c.var.acting.webhooks.replay(id, delivery)
      c.header('Location', pathOf(made))
      return c.json(whole(made), 202)
    })
}

function versionOf(webhook: Webhook): string {
  return etagOf(wire(webhook))
}

/** A delivery as a list tells it: without what is sent, and with its last attempt only. */
function summary({ payload, lane, attempts, ...delivery }: Delivery) {
  void [payload, lane] // the one is long, the other is ours
  const lastAttempt = attempts.at(-1)
  return { ...delivery, ...(lastAttempt ? { lastAttempt } : {}) }
}

/** All of a delivery; what is sent as it is, down to the keys. */
function whole(delivery: Delivery) {
  const event = JSON.parse(delivery.payload) as z.output<typeof oneDeliverySchema>['event']
  return { ...wire(summary(delivery)), attempts: wire(delivery.attempts), event }
}
