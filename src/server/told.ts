import {
  type Context as ApiContext,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Context, MiddlewareHandler } from 'hono'
import { spanContextOf } from '../observe/trace-context.ts'
import type { ServerEnv, ServerParts } from './context.ts'
import { routeOf } from './guard.ts'

/** What is told of every request: a metric, a span and a line of the log, by the pattern of its path and never by the path itself. */
export function told({ slipway, log }: ServerParts): MiddlewareHandler<ServerEnv> {
  const tracer = trace.getTracer('slipway')
  return async (c, next) => {
    const began = performance.now()
    const [method, route = 'none'] = routeOf(c)?.split(' ') ?? [methodOf(c)]
    const from = callerOf(c.req.raw.headers)
    const span = tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes: attributesOf(c, route) },
      from,
    )
    await context.with(trace.setSpan(from, span), next)
    const { status } = c.res
    end(span, c, status)
    const ms = performance.now() - began
    slipway.metrics?.server.answered({ method: method ?? 'other', route, status, seconds: ms / 1000 })
    if (log.isLevelEnabled?.('info') === false) return
    const { requestId, claims } = c.var
    const who = claims && { tenant: claims.tenantId, subject: claims.subject, token: claims.tokenId }
    log.info({ request: requestId, method, route, status, ms: Math.round(ms * 10) / 10, ...who }, 'request')
  }
}

/** Methods are the caller's to choose, and a metric has a series for each. */
function methodOf(c: Context<ServerEnv>): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(c.req.method) ? c.req.method : 'other'
}

/** The trace that the request is part of: as the application's propagator reads it, or by its `traceparent` where none is set up. */
function callerOf(headers: Headers): ApiContext {
  const from = propagation.extract(context.active(), headers, headerGetter)
  if (trace.getSpanContext(from)) return from
  const caller = spanContextOf(headers.get('traceparent') ?? undefined)
  return caller ? trace.setSpanContext(from, caller) : from
}

const headerGetter = {
  keys: (headers: Headers): string[] => [...headers.keys()],
  get: (headers: Headers, name: string): string | undefined => headers.get(name) ?? undefined,
}

function attributesOf(c: Context<ServerEnv>, route: string): Record<string, string> {
  const { protocol, host } = new URL(c.req.url)
  return {
    'http.request.method': c.req.method,
    'url.scheme': protocol.replace(':', ''),
    'url.path': c.req.path,
    'server.address': host,
    ...(route === 'none' ? {} : { 'http.route': route }),
    'slipway.request.id': c.var.requestId,
  }
}

function end(span: Span, c: Context<ServerEnv>, status: number): void {
  if (!span.isRecording()) return
  span.setAttribute('http.response.status_code', status)
  const { claims } = c.var
  if (claims) span.setAttributes({ 'slipway.tenant': claims.tenantId, 'enduser.id': claims.subject })
  if (status >= 500) {
    span.setAttribute('error.type', c.error?.name ?? String(status))
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}
