import type { Context, ErrorHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, errorCodes, isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import { wire } from '../wire.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import type { Problem, Try } from './schema/problem.ts'

/** Answers whatever was thrown as a problem (RFC 9457): what, why, what to do now, and never a stack. */
export function problems(parts: ServerParts): ErrorHandler<ServerEnv> {
  return (thrown, c) => {
    const error = known(thrown)
    if (error.code === 'internal') {
      const cause = thrown.stack ?? messageOf(thrown)
      parts.log.warn({ request: c.var.requestId, method: c.req.method, path: c.req.path, error: cause }, 'a defect')
    }
    return answer(c, error, parts.basePath)
  }
}

/** An error as the answer to a request. */
export function answer(c: Context<ServerEnv>, error: SlipwayError, basePath: string): Response {
  const { status } = errorCodes[error.code]
  const problem = problemOf(error, c.req.path, c.var.requestId, basePath)
  if (status === 401) c.header('WWW-Authenticate', challengeOf(c))
  if (status === 503 && !c.res.headers.has('Retry-After')) c.header('Retry-After', '1')
  const retryAfterSeconds = error.details?.['retry_after_seconds']
  if (typeof retryAfterSeconds === 'number') c.header('Retry-After', String(retryAfterSeconds))
  c.header('Content-Type', 'application/problem+json')
  return c.body(JSON.stringify(problem), status as ContentfulStatusCode)
}

/** What a client is asked for (RFC 6750): a token, or another one than it sent. */
function challengeOf(c: Context<ServerEnv>): string {
  const plain = 'Bearer realm="slipway"'
  return c.req.header('Authorization') === undefined ? plain : `${plain}, error="invalid_token"`
}

function problemOf(error: SlipwayError, path: string, requestId: string, basePath: string): Problem {
  const { status, meaning } = errorCodes[error.code]
  const hidden = error.code === 'internal'
  return {
    ...(hidden ? {} : (wire(error.details ?? {}) as object)),
    type: `${basePath}/v1/problems/${error.code}`,
    title: meaning,
    status,
    detail: hidden
      ? 'Something went wrong inside; the log of the server tells more under this request id.'
      : error.message,
    instance: path,
    code: error.code,
    request_id: requestId,
    ...(error.fields ? { errors: error.fields.map(field => ({ code: 'invalid', ...field })) } : {}),
    ...triesOf(error, basePath),
  }
}

/** What a person or a program can do about it now. */
function triesOf({ next, details }: SlipwayError, basePath: string): { try?: Try[] } {
  const found: Try[] = next === undefined ? [] : [{ label: next }]
  const deploymentId = details?.['deployment_id']
  if (typeof deploymentId === 'string') {
    const href = `${basePath}/v1/deployments/${deploymentId}`
    found.push({ label: 'Look at the deployment', method: 'GET', href })
  }
  return found.length > 0 ? { try: found } : {}
}

function known(thrown: unknown): SlipwayError {
  if (isSlipwayError(thrown)) return thrown
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new SlipwayError('invalid_request', `The request can't be read: ${thrown.message || 'it is malformed'}.`, {
      next: 'Send a body of well-formed JSON.',
      cause: thrown,
    })
  }
  return new SlipwayError('internal', messageOf(thrown), { cause: thrown })
}

/** Whether this is a code that problems can have. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code)
}
