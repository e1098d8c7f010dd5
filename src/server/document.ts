import type { OpenAPIHono } from '@hono/zod-openapi'
import type { ServerEnv } from './context.ts'

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
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => [path, withHeaders(methods)] as const)
  const token = { type: 'http', scheme: 'bearer', description: 'A token: `slip_…`.' } as const
  return {
    ...document,
    paths: Object.fromEntries(paths) as NonNullable<Document['paths']>,
    components: { ...document.components, securitySchemes: { token } },
  }
}

/** The same operations with the headers that are the same for all of a method. */
function withHeaders(methods: object): object {
  return Object.fromEntries(
    Object.entries(methods).map(([method, operation]) => [
      method,
      { ...operation, parameters: [...(operation.parameters ?? []), ...headersOf(method, operation)] },
    ]),
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
