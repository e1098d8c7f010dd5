import type { Deployment, DeploymentKind } from '../deploy/deployment.ts'
import { hasEnded } from '../deploy/deployment.ts'
import type { Outcome, SpanHealth } from '../deploy/history.ts'
import type { Release } from '../deploy/release.ts'
import type { Store } from '../deploy/work.ts'
import type { Instance } from './instance.ts'

/** What comes out in a strip of the last deployments. */
const stripKinds: readonly DeploymentKind[] = ['deploy', 'rollback', 'initial']
export const stripLength = 30

/** How an instance is, and what of it was ready when it was looked at last. */
export interface HealthGlance {
  readonly state: SpanHealth
  /** Absent where nobody in this process watches. */
  readonly ready?: number
  readonly want?: number
}

/** A deployment in the strip of the last ones. */
export interface StripItem extends Pick<Outcome, 'id' | 'kind' | 'state' | 'finishedAt' | 'restored'> {
  /** From its start to its end, milliseconds. */
  readonly tookMs?: number
}

/** Why someone should look at an instance, in a sentence; and at which of its deployments. */
export interface Need {
  readonly code: 'needs_attention' | 'awaiting_promote' | 'paused' | 'deploy_failed' | 'unhealthy'
  readonly text: string
  readonly deploymentId?: string
}

/** An instance as one line of a list shows it. */
export interface InstanceGlance extends Instance {
  readonly release?: Pick<Release, 'id' | 'version' | 'commitSha'>
  readonly health: HealthGlance
  /** The deployment that runs, or else the first that waits. */
  readonly rollout?: Pick<
    Deployment,
    'id' | 'kind' | 'state' | 'strategy' | 'releaseId' | 'reason' | 'step' | 'stepCount' | 'startedAt'
  > & { readonly version?: number }
  /** Newest first, at most 30. */
  readonly last: readonly StripItem[]
  readonly needs: readonly Need[]
}

/** How an instance was when the worker of this process looked at it last. */
export type PulseOf = (
  instanceId: string,
) => { readonly health: SpanHealth; readonly ready: number; readonly want: number } | undefined

/** What is to be known of each instance of one page, in a few reads for all of them. */
export async function glances(
  instances: readonly Instance[],
  { store, pulse }: { store: Store; pulse: PulseOf },
): Promise<InstanceGlance[]> {
  const ids = instances.map(({ id }) => id)
  const spans = new Map(
    (await store.history.lasting(ids)).flatMap(span =>
      span.service === undefined ? [[span.instanceId, span.health] as const] : [],
    ),
  )
  const outcomes = Map.groupBy(await store.history.outcomes(ids, stripKinds, stripLength), one => one.instanceId)
  return await Promise.all(
    instances.map(async (instance): Promise<InstanceGlance> => {
      const { id, tenantId, currentReleaseId } = instance
      const read = async (releaseId: string | undefined): Promise<Release | undefined> =>
        releaseId === undefined ? undefined : await store.deploys.getRelease(tenantId, releaseId)
      const [release, queue] = [await read(currentReleaseId), await store.work.queue(id)]
      const moving = (queue.find(({ deployment }) => deployment.state === 'running') ?? queue[0])?.deployment
      const version = moving && (await read(moving.releaseId))?.version
      const last = outcomes.get(id) ?? []
      const now = pulse(id)
      const health = currentOf(
        instance,
        now ? { state: now.health, ready: now.ready, want: now.want } : { state: spans.get(id) ?? 'unknown' },
      )
      return {
        ...instance,
        ...(release ? { release: versionOf(release) } : {}),
        health,
        ...(moving ? { rollout: { ...rolloutOf(moving), ...(version === undefined ? {} : { version }) } } : {}),
        last: last.map(stripItem),
        needs: needsOf(instance, moving, last, health),
      }
    }),
  )
}

/** An instance that has just come up was looked at last when there was nothing of it: that says nothing of now. */
function currentOf({ state }: Instance, health: HealthGlance): HealthGlance {
  return health.state === 'stopped' && state === 'running' ? { state: 'unknown' } : health
}

function versionOf({ id, version, commitSha }: Release): NonNullable<InstanceGlance['release']> {
  return { id, version, ...(commitSha === undefined ? {} : { commitSha }) }
}

function rolloutOf({
  id,
  kind,
  state,
  strategy,
  releaseId,
  reason,
  step,
  stepCount,
  startedAt,
}: Deployment): NonNullable<InstanceGlance['rollout']> {
  return {
    id,
    kind,
    state,
    strategy,
    releaseId,
    ...(reason ? { reason } : {}),
    ...(step === undefined ? {} : { step }),
    ...(stepCount === undefined ? {} : { stepCount }),
    ...(startedAt === undefined ? {} : { startedAt }),
  }
}

function stripItem({ id, kind, state, startedAt, finishedAt, restored }: Outcome): StripItem {
  const ends = startedAt !== undefined && finishedAt !== undefined
  return {
    id,
    kind,
    state,
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(restored === undefined ? {} : { restored }),
    ...(ends ? { tookMs: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)) } : {}),
  }
}

function needsOf(
  { name, needsAttention }: Instance,
  moving: Deployment | undefined,
  last: readonly Outcome[],
  { state, ready, want }: HealthGlance,
): Need[] {
  const needs: Need[] = []
  if (needsAttention !== undefined) needs.push({ code: 'needs_attention', text: needsAttention })
  const reason = moving?.reason
  if (moving && (reason?.code === 'awaiting_promote' || reason?.code === 'paused')) {
    needs.push({ code: reason.code, text: `${name} ${reason.text}.`, deploymentId: moving.id })
  }
  const newest = last.find(({ state }) => hasEnded(state))
  if (newest?.state === 'failed') {
    const end = newest.restored === false ? 'what served before could not be brought back' : 'what served before serves'
    const text = `${(newest.error ?? 'The last deployment failed').replace(/\.$/u, '')}; ${end}.`
    needs.push({ code: 'deploy_failed', text, deploymentId: newest.id })
  }
  if ((state === 'down' || state === 'partly') && !moving) {
    const count = ready === undefined || want === undefined ? '' : ` (${ready} of ${want} replicas are ready)`
    needs.push({ code: 'unhealthy', text: `${name} is ${state === 'down' ? 'down' : 'partly down'}${count}.` })
  }
  return needs
}
