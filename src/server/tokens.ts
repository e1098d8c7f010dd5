import { z } from 'zod'
import type { Token } from '../auth/token.ts'
import type { CreateTokenRequest, RotateTokenRequest } from '../auth/token-service.ts'
import { given } from '../deploy/schema.ts'
import { ownVersion } from '../router/proxy/version.ts'
import { unwire, wire } from '../wire.ts'
import { etagOf, ifMatch } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { pageAnswer } from './links.ts'
import { body, json, optionalBody, resource, route } from './route.ts'
import { idParam, pageOf, paging, tenantQuery } from './schema/shared.ts'
import { createTokenBody, issuedSchema, rotateTokenBody, tokenSchema, whoamiSchema } from './schema/token.ts'

const one = { params: idParam, query: z.object(tenantQuery) }

const whoami = route('GET /v1/whoami', {
  summary: 'What the token says',
  responses: { 200: json('The caller', whoamiSchema) },
})
const list = route('GET /v1/tokens', {
  summary: 'Tokens, newest first',
  request: { query: z.object({ ...paging, ...tenantQuery }) },
  responses: { 200: json('A page', pageOf(tokenSchema)) },
})
const create = route('POST /v1/tokens', {
  summary: 'Make a token; its secret is shown once',
  request: { query: one.query, body: body(createTokenBody) },
  responses: { 201: json('The token with its secret', issuedSchema) },
})
const get = route('GET /v1/tokens/{id}', {
  summary: 'One token',
  versioned: true,
  request: one,
  responses: { 200: json('The token', tokenSchema) },
})
const revoke = route('DELETE /v1/tokens/{id}', {
  summary: 'Make a token good for nothing, at once',
  request: one,
  responses: { 200: json('As it is now', tokenSchema) },
})
const rotate = route('POST /v1/tokens/{id}/rotate', {
  summary: 'A new secret for the same token; the old one is good a while longer',
  request: { ...one, body: optionalBody(rotateTokenBody) },
  responses: { 200: json('The token with its new secret', issuedSchema) },
})

/** Tokens, and who one is by the token one has. */
export function tokens(parts: ServerParts) {
  return resource()
    .openapi(whoami, async c => {
      const tenant = await c.var.acting.tenants.own()
      return c.json(wire({ ...c.var.claims, serverVersion: ownVersion, ...(tenant ? { tenant } : {}) }), 200)
    })
    .openapi(list, async c => {
      const { limit, cursor } = c.req.valid('query')
      return c.json(pageAnswer(c, parts, await c.var.acting.tokens.list(given({ limit, cursor }))), 200)
    })
    .openapi(create, async c => {
      const request = unwire(c.req.valid('json')) as CreateTokenRequest
      const { token, secret } = await c.var.acting.tokens.create(request)
      c.set('secretOf', token.id)
      c.header('Location', `${parts.basePath}/v1/tokens/${token.id}`)
      return c.json({ ...wire(token), secret }, 201)
    })
    .openapi(get, async c => {
      const token = await c.var.acting.tokens.get(c.req.valid('param').id)
      c.set('etag', versionOf(token))
      return c.json(wire(token), 200)
    })
    .openapi(revoke, async c => {
      const check = ifMatch(c)
      const token = await c.var.acting.tokens.revoke(c.req.valid('param').id, now => check(versionOf(now)))
      c.set('etag', versionOf(token))
      return c.json(wire(token), 200)
    })
    .openapi(rotate, async c => {
      const request = unwire(c.req.valid('json')) as RotateTokenRequest
      const { token, secret } = await c.var.acting.tokens.rotate(c.req.valid('param').id, request)
      c.set('secretOf', token.id)
      return c.json({ ...wire(token), secret }, 200)
    })
}

/** Using a token does not change it. */
function versionOf({ lastUsedAt, ...token }: Token): string {
  void lastUsedAt // else the request that reads it would give it another version
  return etagOf(token)
}
