import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as fc from 'fast-check'
import { everyRow } from '../support/refusal.ts'
import { worker } from '../support/services.ts'
import type { Operation } from './document.ts'
import { type Customer, type Json, startWorld, type World } from './world.ts'

// Requests made from the document: right ones, and right ones with one thing wrong: another type, missing, extra, huge, odd characters.

const runs = process.env['SLIPWAY_TEST_FULL'] ? 400 : 25

describe('whatever is sent, the answer is none of 5xx, comes soon, and what is refused has written nothing:', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  let ids: Readonly<Record<string, string>>
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    customer = await world.tenant()
    const tenant = world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' })
    const image = await world.machine.worker('1')
    const { instance, deployment } = await tenant.instances.create({ name: 'shop', services: [worker(image)] })
    await tenant.finished(deployment.id)
    const { currentReleaseId = '' } = await tenant.instances.get(instance.id)
    await world.send('POST', '/v1/tenants', { token: world.operator, body: { id: 'fuzzed' } })
    ids = { tenants: 'fuzzed', instances: instance.id, deployments: deployment.id, releases: currentReleaseId }
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })

  test('each operation of the document', async () => {
    const { paths, components } = world.document
    for (const [form, operations] of Object.entries(paths)) {
      if (form.endsWith('/stream')) continue
      for (const [method, operation] of Object.entries(operations)) {
        await fc.assert(
          fc.asyncProperty(requestTo(form, operation, components.schemas, ids), async ({ path, body, headers }) => {
            const before = rows()
            const reply = await customer.send(method.toUpperCase(), path, {
              ...(form.startsWith('/v1/tenants') ? { token: world.operator } : {}),
              ...(body === undefined ? {} : { body }),
              headers: { 'if-match': '*', ...headers },
            })
            assert.ok(reply.status < 500, `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(reply.body)}`)
            if (reply.status >= 400) {
              assert.ok(reply.body.code && reply.body.request_id && reply.body.try, JSON.stringify(reply.body))
              await unchanged(before)
            }
          }),
          { numRuns: runs },
        )
      }
    }
  })

  /** Compares once nothing moves: what an accepted request set going may still be going. */
  async function unchanged(before: string): Promise<void> {
    if (rows() === before) return
    const moving = (await customer.send('GET', '/v1/deployments?state=active')).body.total
    assert.ok(moving > 0 || wasMoving(before), 'a refused request wrote something')
  }

  function rows(): string {
    const { tokens = [], ...rest } = everyRow(world.machine)
    return JSON.stringify([rest, tokens.map(row => ({ ...(row as object), last_used_at: null }))])
  }
})

function wasMoving(rows: string): boolean {
  return rows.includes('"finished_at":null')
}

interface Request {
  readonly path: string
  readonly body?: unknown
  readonly headers: Readonly<Record<string, string>>
}

/** Requests to an operation: path and query and body from their schemas, some of them spoilt. */
function requestTo(
  form: string,
  { parameters = [], requestBody }: Operation,
  schemas: Readonly<Record<string, unknown>>,
  ids: Readonly<Record<string, string>>,
): fc.Arbitrary<Request> {
  const kind = form.split('/')[2] ?? ''
  const names = [...form.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const inPath = fc.record(Object.fromEntries(names.map(name => [name, pathWord(ids[kind])])))
  const queries = parameters.filter(parameter => parameter.in === 'query' && parameter.name !== 'confirm')
  const query = fc.record(
    Object.fromEntries(queries.map(({ name, schema }) => [name, fc.oneof(from(schema, schemas), odd).map(asText)])),
    { requiredKeys: [] },
  )
  const schema = requestBody?.content['application/json']?.schema
  const body = schema ? fc.oneof(from(schema, schemas), spoilt(from(schema, schemas)), odd) : fc.constant(undefined)
  return fc.tuple(inPath, query, body, headers).map(([words, asked, body, headers]) => {
    const path = names.reduce((all, name) => all.replace(`{${name}}`, encodeURIComponent(words[name] ?? 'x')), form)
    const search = new URLSearchParams(asked as Record<string, string>).toString()
    return { path: search === '' ? path : `${path}?${search}`, body, headers }
  })
}

/** Mostly an id that is there; else anything that can stand in a path. */
function pathWord(id: string | undefined): fc.Arbitrary<string> {
  const any = fc.string({ minLength: 1, maxLength: 120, unit: 'grapheme' }).filter(text => !/^\.{1,2}$/.test(text))
  return id === undefined ? any : fc.oneof({ weight: 3, arbitrary: fc.constant(id) }, any)
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '\0',
    '‮',
    '\ud800',
    "'; drop table instances; --",
    '../../etc/passwd',
    '__proto__',
    'a'.repeat(70_000),
  ),
)

/** What no schema asks for. */
const odd: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom(null, true, -1, 0, 1e308, 1.5, Number.MAX_SAFE_INTEGER + 1, [], {}, [[]], { __proto__: null }),
  fc.jsonValue({ maxDepth: 3 }),
)

const headers = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  fc.constantFrom<Record<string, string>>(
    { 'if-match': '"x"' },
    { 'if-none-match': '*' },
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'idempotency-key': 'k' },
  ),
)

/** A value as a schema of the document wants it. Patterns are not followed: names come from a few that fit. */
function from(schema: Json, schemas: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  if (schema.$ref) return from(schemas[schema.$ref.split('/').at(-1)], schemas)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const variants = schema.oneOf ?? schema.anyOf
  if (variants) return fc.oneof(...variants.map((variant: Json) => from(variant, schemas)))
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object': {
      const fields = Object.entries<Json>(schema.properties ?? {}).map(
        ([name, field]) => [name, from(field, schemas)] as const,
      )
      if (fields.length > 0) return fc.record(Object.fromEntries(fields), { requiredKeys: schema.required ?? [] })
      const value = from(schema.additionalProperties ?? {}, schemas)
      return fc.dictionary(fc.constantFrom('A', 'web', 'worker', '__proto__', 'constructor', 'x y'), value, {
        maxKeys: 3,
      })
    }
    case 'array':
      if (schema.prefixItems) return fc.tuple(...schema.prefixItems.map((item: Json) => from(item, schemas)))
      return fc.array(from(schema.items ?? {}, schemas), { maxLength: 3 })
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? 0,
        max: Math.min(schema.maximum ?? Number.POSITIVE_INFINITY, (schema.minimum ?? 0) + 10),
      })
    case 'number':
      return fc.double({ min: schema.minimum ?? 0, max: schema.maximum ?? 10, noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'string':
      return fc.oneof(fc.constantFrom('worker', 'web', 'shop', 'file:./nowhere', '1'), text)
    default:
      return odd
  }
}

/** The same with one field gone, added or of another type, anywhere in it. */
function spoilt(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(right, fc.nat(), fc.constantFrom('gone', 'odd', 'extra'), odd).map(([value, at, how, wrong]) => {
    const copy = structuredClone(value)
    const places: [Record<string, unknown>, string][] = []
    const collect = (node: unknown): void => {
      if (node === null || typeof node !== 'object') return
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key])
        collect((node as Record<string, unknown>)[key])
      }
    }
    collect(copy)
    const place = places[at % Math.max(1, places.length)]
    if (!place) return wrong
    const [node, key] = place
    if (how === 'gone') delete node[key]
    else node[how === 'odd' ? key : `${key}_more`] = wrong
    return copy
  })
}

/** Short enough to come through: an address of more than 32 kB is refused before anyone reads it. */
function asText(value: unknown): string {
  return (typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value)).slice(0, 2000)
}
