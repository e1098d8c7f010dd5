import {
  type Attributes,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Deployment } from '../deploy/deployment.ts'
import type { StepRecord } from '../deploy/run.ts'
import type { Store } from '../deploy/work.ts'
import { messageOf } from '../errors.ts'
import type { Event } from '../event/event.ts'
import { spanContextOf } from './trace-context.ts'

/** Spans of deployments and their steps. */
export interface DeploymentSpans {
  committed(events: readonly Event[]): void
  /** Resolves when what was committed is told. */
  idle(): Promise<void>
}

/** What they are made with. */
export interface DeploymentSpanParts {
  readonly store: Pick<Store, 'work'>
  readonly log: { warn(data: object, text: string): void }
}

/** Each deployment has exactly one of these. */
const ends: ReadonlySet<Event['type']> = new Set(['deploy.succeeded', 'deploy.failed', 'deploy.cancelled'])

/**
 * Tells one span of each deployment, and one of each of its steps, when it has ended: from what was recorded, with the times at which it
 * happened. A span that is open is lost with its process, and a deployment outlives many; told this way it is whole, and told once.
 */
export function deploymentSpans({ store, log }: DeploymentSpanParts): DeploymentSpans {
  let telling: Promise<void> = Promise.resolve()
  const tell = async (id: string): Promise<void> => {
    try {
      const run = await store.work.run(id)
      if (run) emit(trace.getTracer('slipway'), run.deployment, run.traceparent, await store.work.steps(id))
    } catch (error) {
      log.warn({ deployment: id, error: messageOf(error) }, 'the spans of a deployment could not be told')
    }
  }
  return {
    committed(events) {
      if (!someoneListens()) return
      for (const { type, deploymentId } of events) {
        if (deploymentId === undefined || !ends.has(type)) continue
        telling = telling.then(() => tell(deploymentId))
      }
    },
    idle: () => telling,
  }
}

/** Without an SDK nothing is read: the spans would go nowhere. */
function someoneListens(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer('slipway') !== undefined
}

function emit(
  tracer: Tracer,
  deployment: Deployment,
  traceparent: string | undefined,
  steps: readonly StepRecord[],
): void {
  const { kind, state, createdAt, startedAt = createdAt, finishedAt = startedAt } = deployment
  const asked = spanContextOf(traceparent)
  const span = tracer.startSpan(`deployment ${kind}`, {
    root: true,
    startTime: new Date(startedAt),
    attributes: attributesOf(deployment),
    ...(asked ? { links: [{ context: asked }] } : {}),
  })
  const within = trace.setSpan(ROOT_CONTEXT, span)
  for (const { step, phase, position, state, beganAt, endedAt = finishedAt } of steps) {
    const attributes = {
      'slipway.step.name': step.name,
      'slipway.step.kind': step.kind,
      'slipway.step.phase': phase,
      'slipway.step.position': position + 1,
      'slipway.step.state': state,
    }
    const child = tracer.startSpan(`step ${step.kind}`, { startTime: new Date(beganAt), attributes }, within)
    if (state === 'failed') fail(child, deployment)
    child.end(new Date(endedAt))
  }
  if (state === 'failed') fail(span, deployment)
  span.end(new Date(finishedAt))
}

function fail(span: Span, { error, errorCode }: Deployment): void {
  if (errorCode !== undefined) span.setAttribute('error.type', errorCode)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(error === undefined ? {} : { message: error }) })
}

function attributesOf(deployment: Deployment): Attributes {
  const { id, kind, strategy, state, tenantId, instanceId, releaseId, createdAt, startedAt } = deployment
  const waitedMs = startedAt === undefined ? undefined : Date.parse(startedAt) - Date.parse(createdAt)
  return {
    'deployment.id': id,
    ...(state === 'succeeded' || state === 'failed' ? { 'deployment.status': state } : {}),
    'slipway.deployment.kind': kind,
    'slipway.deployment.state': state,
    'slipway.strategy': strategy,
    'slipway.tenant': tenantId,
    'slipway.instance.id': instanceId,
    'slipway.release.id': releaseId,
    ...(waitedMs === undefined ? {} : { 'slipway.queue.wait_ms': Math.max(0, waitedMs) }),
  }
}
