import { z } from 'zod'
import { SlipwayError } from '../errors.ts'
import type { SecretInfo } from '../secrets/vault.ts'
import type { Acting } from '../slipway.ts'
import { wire } from '../wire.ts'
import { etagOf, ifMatch } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { body, json, resource, route } from './route.ts'
import { rotateSecretBody, secretSchema, storeSecretBody } from './schema/secret.ts'
import { tenantQuery } from './schema/shared.ts'

const query = z.object(tenantQuery)
const named = z.object({ name: z.string().min(1).max(128) })

const list = route('GET /v1/secrets', {
  summary: 'Names and versions of secrets',
  request: { query },
  responses: { 200: json('All of them', z.object({ items: z.array(secretSchema) })) },
})
const store = route('POST /v1/secrets', {
  summary: 'Keep a new secret',
  request: { query, body: body(storeSecretBody) },
  responses: { 201: json('It is kept', secretSchema) },
})
const get = route('GET /v1/secrets/{name}', {
  summary: 'Versions of a secret',
  versioned: true,
  request: { query, params: named },
  responses: { 200: json('The secret, without its value', secretSchema) },
})
const remove = route('DELETE /v1/secrets/{name}', {
  summary: 'Destroy all versions of a secret',
  request: { query, params: named },
  responses: { 204: { description: 'It is gone' } },
})
const rotate = route('POST /v1/secrets/{name}/rotate', {
  summary: 'Stage a new version',
  request: { query, params: named, body: body(rotateSecretBody) },
  responses: { 200: json('With the new version', secretSchema) },
})
const revoke = route('POST /v1/secrets/{name}/versions/{version}/revoke', {
  summary: 'Destroy one version',
  request: { query, params: named.extend({ version: z.coerce.number().int().min(1).max(1_000_000) }) },
  responses: { 200: json('Without that version', secretSchema) },
})

/** Secrets: values go in, and only names and versions come out. */
export function secrets(parts: ServerParts) {
  return resource()
    .openapi(list, async c => c.json({ items: wire(await c.var.acting.secrets.list()) }, 200))
    .openapi(store, async c => {
      const { name, value } = c.req.valid('json')
      const info = await c.var.acting.secrets.store(name, value)
      c.header('Location', `${parts.basePath}/v1/secrets/${encodeURIComponent(name)}`)
      return c.json(wire(info), 201)
    })
    .openapi(get, async c => {
      const info = await one(c.var.acting, c.req.valid('param').name)
      c.set('etag', etagOf(info))
      return c.json(wire(info), 200)
    })
    .openapi(remove, async c => {
      const { name } = c.req.valid('param')
      ifMatch(c)(etagOf(await one(c.var.acting, name)))
      await c.var.acting.secrets.delete(name)
      return c.body(null, 204)
    })
    .openapi(rotate, async c => {
      const { name } = c.req.valid('param')
      await one(c.var.acting, name)
      return c.json(wire(await c.var.acting.secrets.rotate(name, c.req.valid('json').value)), 200)
    })
    .openapi(revoke, async c => {
      const { name, version } = c.req.valid('param')
      await one(c.var.acting, name)
      return c.json(wire(await c.var.acting.secrets.revoke(name, version)), 200)
    })
}

async function one(acting: Acting, name: string): Promise<SecretInfo> {
  const found = (await acting.secrets.list()).find(secret => secret.name === name)
  if (found) return found
  throw new SlipwayError('not_found', `There is no secret ${JSON.stringify(name)}.`, {
    next: 'List the secrets to see which there are.',
  })
}
