import { OpenAPIHono } from '@hono/zod-openapi'
import { SlipwayError } from '../errors.ts'
import { asks } from './asks.ts'
import { audit } from './audit.ts'
import { bodyLimit } from './body-limit.ts'
import { conditional } from './conditional.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { cors } from './cors.ts'
import { deployments } from './deployments.ts'
import { documentOf } from './document.ts'
import { events } from './events.ts'
import { guard } from './guard.ts'
import { headers } from './headers.ts'
import { history } from './history.ts'
import { idempotency } from './idempotency.ts'
import { instances } from './instances.ts'
import { logs } from './logs.ts'
import { meta } from './meta.ts'
import { metrics } from './metrics.ts'
import { operations } from './operations.ts'
import { answer, problems } from './problem.ts'
import { releases } from './releases.ts'
import { remoteAddress } from './remote-address.ts'
import { methodsOf } from './rules.ts'
import { secrets } from './secrets.ts'
import { tasks } from './tasks.ts'
import { tenants } from './tenants.ts'
import { tokens } from './tokens.ts'
import { told } from './told.ts'
import { webhooks } from './webhooks.ts'

/** The whole HTTP API over one Slipway: what every request passes, then a file per resource. */
export function createApp(parts: ServerParts) {
  const app = new OpenAPIHono<ServerEnv>({ getPath: request => withoutBase(request.url, parts.basePath) })
  app.onError(problems(parts))
  app.use(headers(), remoteAddress(parts.trustedProxies), told(parts))
  if (parts.allowedOrigins.length > 0) app.use(cors(parts.allowedOrigins))
  app.use(conditional(), bodyLimit(), guard(parts), idempotency(parts))
  const api = app
    .route('/', meta(parts))
    .route('/', metrics(parts))
    .route('/', instances(parts))
    .route('/', operations(parts))
    .route('/', releases(parts))
    .route('/', deployments(parts))
    .route('/', asks(parts))
    .route('/', events(parts))
    .route('/', logs(parts))
    .route('/', tasks(parts))
    .route('/', audit(parts))
    .route('/', secrets(parts))
    .route('/', tokens(parts))
    .route('/', webhooks(parts))
    .route('/', tenants(parts))
    .route('/', history())
  // Anybody may ask for it, and it takes long to make.
  let document: string | undefined
  api.get('/v1/openapi.json', c => {
    document ??= JSON.stringify(documentOf(api, parts.basePath))
    return c.body(document, 200, { 'Content-Type': 'application/json' })
  })
  api.notFound(c => {
    const methods = methodsOf(c.req.path)
    if (methods.length === 0) {
      return answer(c, new SlipwayError('not_found', `There is no path ${c.req.path}.`, { next: docs }), parts.basePath)
    }
    c.header('Allow', methods.join(', '))
    const refusal = `${c.req.path} takes ${methods.join(' and ')}, not ${c.req.method}.`
    return answer(c, new SlipwayError('method_not_allowed', refusal, { next: docs }), parts.basePath)
  })
  return api
}

/** The routes of the API with their types: what a typed client is made of. */
export type Api = ReturnType<typeof createApp>

const docs = 'Read GET /v1/openapi.json to see what there is.'

/** The path below the prefix, whether or not whoever mounted the app took the prefix off. */
function withoutBase(url: string, basePath: string): string {
  const begin = url.indexOf('/', url.indexOf('://') + 3)
  const path = begin < 0 ? '/' : url.slice(begin).replace(/[?#].*$/s, '')
  return basePath !== '' && path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
}
