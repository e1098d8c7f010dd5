import { createRoute, OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import { SlipwayError } from '../errors.ts'
import type { ServerEnv } from './context.ts'
import { operationIdOf } from './operation-id.ts'
import { type RouteKey, rules } from './rules.ts'
import { problemSchema } from './schema/problem.ts'

type MethodOf<K> = K extends `${infer M} ${string}` ? Lowercase<M> : never
type PathOf<K> = K extends `${string} ${infer P}` ? P : never
type Shape = Omit<RouteConfig, 'method' | 'path'>

/**
 * A route that has a rule. What is the same for all of them is added: who may use it, problems, and 304 where the answer has a version.
 *
 * @example
 * const list = route('GET /v1/instances', { summary: 'List instances', responses: { 200: json('A page', pageSchema) } })
 */
export function route<const K extends RouteKey, const R extends Shape>(
  key: K,
  shape: R & { readonly versioned?: boolean },
): R & { method: MethodOf<K>; path: PathOf<K> } {
  const [method = '', path = ''] = key.split(' ')
  const { versioned, responses, ...rest } = shape
  const rule = rules[key]
  return createRoute({
    ...rest,
    operationId: operationIdOf(method, path),
    tags: [path.split('/')[2] ?? 'server'],
    method: method.toLowerCase() as 'get',
    path,
    security: rule === 'open' ? [] : [{ token: [] }],
    responses: {
      ...responses,
      ...(versioned ? { 304: { description: 'It still has the version named with If-None-Match.' } } : {}),
      ...(rule === 'open' ? {} : { default: problem }),
    },
  } as RouteConfig) as unknown as R & { method: MethodOf<K>; path: PathOf<K> }
}

const problem = {
  description: 'Refused; `code` says why.',
  content: { 'application/problem+json': { schema: problemSchema } },
}

/** An answer of JSON. */
export function json<S extends z.ZodType>(description: string, schema: S) {
  return { description, content: { 'application/json': { schema } } }
}

/** A body of JSON that has to be there. */
export function body<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

/** A body of JSON that may be left out. */
export function optionalBody<S extends z.ZodType>(schema: S) {
  return { required: false, content: { 'application/json': { schema } } } as const
}

/** An app for the routes of one resource, which refuses what does not fit their schemas. */
export function resource(): OpenAPIHono<ServerEnv> {
  return new OpenAPIHono<ServerEnv>({
    defaultHook: result => {
      if (!result.success) throw invalid(result.error.issues, result.target)
    },
  })
}

function invalid(issues: readonly z.core.$ZodIssue[], target: string): SlipwayError {
  const fields = issues.flatMap(issue => {
    const at = issue.code === 'unrecognized_keys' ? issue.keys.map(key => [...issue.path, key]) : [issue.path]
    return at.map(path => ({
      pointer: `/${path.map(part => String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
      code: issue.code,
      detail: issue.message,
    }))
  })
  const [first] = fields
  const where = target === 'json' ? 'body' : target === 'param' ? 'path' : target
  return new SlipwayError('invalid_request', `The ${where} is not valid: ${first?.pointer} ${first?.detail}.`, {
    next: fields.length > 1 ? `Mend these ${fields.length} fields and send it again.` : 'Mend it and send it again.',
    fields,
  })
}
