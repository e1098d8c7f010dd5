import { isSpanContextValid, type SpanContext, trace } from '@opentelemetry/api'

/** The trace that is under way here, as W3C writes it (`traceparent`); undefined when there is none. */
export function currentTraceparent(): string | undefined {
  const context = trace.getActiveSpan()?.spanContext()
  if (!context || !isSpanContextValid(context)) return undefined
  return `00-${context.traceId}-${context.spanId}-${(context.traceFlags & 255).toString(16).padStart(2, '0')}`
}

/** The span that a `traceparent` names, which was made elsewhere; undefined when it is none. */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] =
    /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(context) ? context : undefined
}
