import type { OpenAPIHono } from '@hono/zod-openapi'
import type { ServerEnv } from './context.ts'
import { examples } from './examples.ts'
import { refusalsOf } from './refusals.ts'
import { type RouteKey, rules } from './rules.ts'
import { described, wordFor } from './words.ts'

type Api = Pick<OpenAPIHono<ServerEnv>, 'getOpenAPI31Document'>
type Document = ReturnType<Api['getOpenAPI31Document']>

/** The OpenAPI 3.1 document of the API, made of the schemas that validate. */
export function documentOf(app: Api, basePath: string): Document {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Slipway',
      version: '1',
      description: 'Releases, deployments and instances. Fields and values may be added: ignore what you do not know.',
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
  })
  const paths = Object.entries(document.paths ?? {}).map(
    ([path, methods]) => [path, described(completed(path, methods), path)] as const,
  )
  const token = { type: 'http', scheme: 'bearer', description: 'A token: `slip_…`.' } as const
  return {
    ...document,
    paths: Object.fromEntries(paths) as NonNullable<Document['paths']>,
    components: { ...document.components, schemas: schemasOf(document), securitySchemes: { token } },
  }
}

type Schemas = NonNullable<NonNullable<Document['components']>['schemas']>

/** The schemas, every field described, and with an example where one is sent. */
function schemasOf({ components }: Document): Schemas {
  const schemas = Object.entries(components?.schemas ?? {}).map(([id, schema]) => [
    id,
    { ...(described(schema, id) as object), ...(Object.hasOwn(examples, id) ? { example: examples[id] } : {}) },
  ])
  return Object.fromEntries(schemas) as Schemas
}

interface Operation {
  readonly parameters?: readonly { readonly name: string }[]
  readonly responses: Readonly<Record<string, object>>
}

/** The same operations with the headers that are the same for all of a method, and the codes they are refused with. */
function completed(path: string, methods: object): object {
  return Object.fromEntries(
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => {
      const key = `${method.toUpperCase()} ${path}` as RouteKey
      const codes = Object.hasOwn(rules, key) ? refusalsOf(key) : []
      const { default: refused, ...answers } = operation.responses
      return [
        method,
        {
          ...operation,
          parameters: [
            ...(operation.parameters ?? []).map(parameter => ({ ...wordFor(parameter.name, path), ...parameter })),
            ...headersOf(method, operation),
          ],
          responses: {
            ...answers,
            ...(refused
              ? { default: { ...refused, description: `Refused; \`code\` says why: ${codes.join(', ')}.` } }
              : {}),
          },
          'x-problem-codes': codes,
        },
      ]
    }),
  )
}

function headersOf(method: string, { responses }: { responses: object }): object[] {
  const header = (name: string, description: string, required = false): object => ({
    in: 'header',
    name,
    description,
    required,
    schema: { type: 'string' },
  })
  switch (method) {
    case 'post':
      return [header('Idempotency-Key', 'Sent again with the same key within 24 hours, it is done once.')]
    case 'put':
    case 'patch':
    case 'delete':
      return [header('If-Match', 'The ETag it was read with.', true)]
    default:
      return '304' in responses ? [header('If-None-Match', 'The ETag that is known.')] : []
  }
}
