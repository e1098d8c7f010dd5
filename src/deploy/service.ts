import { audited } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import { sees } from '../auth/authorize.ts'
import { timestamp } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import type { Event } from '../event/event.ts'
import type { CheckFunction } from '../health/checks.ts'
import type { Instance } from '../instance/instance.ts'
import { policyDefaults } from '../instance/instance.ts'
import { requireNoAttention } from '../instance/refusal.ts'
import type { Room } from '../room.ts'
import { requireOpen } from '../tenant/quota.ts'
import type { Tenant } from '../tenant/tenant.ts'
import { type AllowedAction, allowedActions } from './actions.ts'
import { cancel, currentPause, isPausedByRequest, pause, promote, resume } from './ask.ts'
import { requireChecks } from './checks.ts'
import { chooseStrategy } from './choose.ts'
import { type Deployment, hasEnded } from './deployment.ts'
import { type Difference, diffServices } from './diff.ts'
import type { DeploymentListOptions } from './find.ts'
import { eventsOf, untilEnded } from './follow.ts'
import { recordFirstRelease, wantAsDeclared } from './initial.ts'
import { type PerformedStep, performedSteps } from './performed.ts'
import { type PlanPreview, previewPlan } from './preview.ts'
import { notFound, requireDeployable, requireImages } from './refusal.ts'
import type { Release } from './release.ts'
import { newestSecrets, resolveServices } from './resolve.ts'
import {
  type DeployRequest,
  deployRequestSchema,
  parse,
  type RollbackRequest,
  rollbackRequestSchema,
} from './schema.ts'
import { seal } from './seal.ts'
import type { DeployListResult, ListOptions, ReleaseListResult } from './store.ts'
import { type SubmitParts, submitDeploy, submitRollback } from './submit.ts'
import type { Stores } from './work.ts'

/** What a deploy service is built from. */
export interface DeployParts extends SubmitParts {
  readonly auth: AuthProvider
  /** Asked before new work is taken on; what brings back, stops or removes goes into the reserve. */
  readonly room: Room
  /** Functions that holds can name as checks. */
  readonly checks: Readonly<Record<string, CheckFunction>>
}

/** A deployment, and what may be asked of it. */
export interface Inspected {
  readonly deployment: Deployment
  readonly actions: readonly AllowedAction[]
}

/** Turns "run these images on this instance" into releases and tracked deployments. Every call acts for one caller. */
export interface DeployService {
  /** Makes the release and starts its rollout; resolves once it is recorded, not when it is done. */
  deploy(request: DeployRequest): Promise<Deployment>
  /** Records version 1 of an instance that runs already. Idempotent: returns the first release. */
  recordInitial(instanceId: string): Promise<Release>
  /** Brings a release that was active before back, all its services at once. */
  rollback(request: RollbackRequest): Promise<Deployment>
  /** Stops a rollout and brings back what served before. A second cancel changes nothing. */
  cancel(deploymentId: string): Promise<Deployment>
  getDeployment(deploymentId: string): Promise<Deployment>
  listDeployments(instanceId: string, options?: ListOptions): Promise<DeployListResult>
  /** Across instances, newest first. */
  findDeployments(options?: DeploymentListOptions): Promise<DeployListResult>
  /** What may be asked of a deployment now, and why not the rest. */
  actions(deploymentId: string): Promise<AllowedAction[]>
  /** A deployment with what may be asked of it, in one look. */
  inspect(deploymentId: string): Promise<Inspected>
  /** The steps of its plan and of its undo, in order: those that were begun with what came of them, then those to come. */
  steps(deploymentId: string): Promise<PerformedStep[]>
  /** The release that was active before the one that is. Throws `never_active` when there was none. */
  previousRelease(instanceId: string): Promise<Release>
  getRelease(releaseId: string): Promise<Release>
  listReleases(instanceId: string, options?: ListOptions): Promise<ReleaseListResult>
  /** The steps a deploy would take, what changes and what has downtime; writes nothing. */
  plan(request: DeployRequest): Promise<PlanPreview>
  /** What differs between two releases of one instance. */
  diff(fromReleaseId: string, toReleaseId: string): Promise<Difference[]>
  /** Releases a pause of the plan. `gate` defaults to the current one. */
  promote(deploymentId: string, gate?: string): Promise<Deployment>
  /** Pauses after the current step; a pending one starts paused. */
  pause(deploymentId: string): Promise<Deployment>
  /** Releases a pause that someone asked for. */
  resume(deploymentId: string): Promise<Deployment>
  /** A new deployment of the same request, of a failed or cancelled one. */
  retry(deploymentId: string): Promise<Deployment>
  /** Resolves when the deployment has ended, with its end. */
  finished(deploymentId: string, signal?: AbortSignal): Promise<Deployment>
  /** Its events from the first to the last, as they happen; ends with the deployment. */
  watch(deploymentId: string, signal?: AbortSignal): AsyncIterable<Event>
}

/** A deploy service that acts for this caller. */
export function deployService(parts: DeployParts, caller: Claims): DeployService {
  const { store, auth, clock } = parts
  const tenantId = auth.tenantOf(caller)
  const by: Claims = { ...caller, tenantId }
  const now = (): string => timestamp(clock.now())

  const readable = () => auth.authorize(caller, 'deploy.read')
  const seen = <T extends { instanceId: string }>(thing: T | undefined): T | undefined =>
    thing && sees(caller, thing.instanceId) ? thing : undefined
  const deployment = async (id: string): Promise<Deployment> =>
    found(seen(await store.deploys.getDeployment(tenantId, id)), 'deployment', id)
  const release = async (id: string): Promise<Release> =>
    found(seen(await store.deploys.getRelease(tenantId, id)), 'release', id)
  const instance = async (id: string, reader: Pick<Stores, 'instances'> = store): Promise<Instance> =>
    found(sees(caller, id) ? await reader.instances.get(tenantId, id) : undefined, 'instance', id)

  const actionsOf = async (target: Deployment): Promise<AllowedAction[]> => {
    const of = {
      deployment: target,
      instance: await instance(target.instanceId),
      pausedByRequest: false,
      ...closedOf(await store.tenants.get(tenantId)),
    }
    // What has ended waits at nothing and is undone no more: nothing else decides.
    if (hasEnded(target.state)) return allowedActions(of)
    const run = await store.work.run(target.id)
    const gate = currentPause(await store.work.steps(target.id))?.name
    return allowedActions({
      ...of,
      deployment: run?.deployment ?? target,
      pausedByRequest: await isPausedByRequest(target.id, store),
      ...(run?.undo ? { undoing: run.undo.error } : {}),
      ...(gate !== undefined ? { gate } : {}),
    })
  }

  /** Checks what a deploy asks for, and finds its images and secrets. Writes nothing. */
  const understand = async (given: unknown, refused: string) => {
    const request = parse(deployRequestSchema, given, 'The deploy request')
    await parts.room.require(refused)
    const target = await instance(request.instanceId)
    requireOpen(await store.tenants.get(tenantId))
    const chosen = chooseStrategy(
      request.strategy ?? target.policies.strategy ?? policyDefaults.strategy,
      request.options ?? {},
      parts.strategies,
    )
    requireChecks(chosen.options, parts.checks)
    requireDeployable(target)
    const resolved = await resolveServices(request, target, tenantId, parts)
    return { request, target, chosen, resolved }
  }

  return {
    async deploy(given) {
      await auth.authorize(caller, 'deploy.create', instanceIdOf(given))
      const { request, target, chosen, resolved } = await understand(given, 'The deploy is refused')
      const ifBusy = request.ifBusy ?? target.policies.ifBusy ?? 'queue'
      const { notes, commitSha } = request
      return await submitDeploy(target, chosen, resolved, { notes, commitSha, ifBusy }, by, parts)
    },

    async recordInitial(instanceId) {
      await auth.authorize(caller, 'deploy.create', { instanceId })
      const target = await instance(instanceId)
      const first = await store.deploys.firstRelease(tenantId, instanceId)
      if (first) return first
      requireRunning(target)
      await parts.room.require('The release is not recorded')
      const request = { services: target.services, complete: true } as const
      const { services } = await resolveServices(request, target, tenantId, parts)
      const snapshots = seal([], services, true, await newestSecrets(tenantId, parts.vault))
      const made = await store.transaction(async tx => {
        const current = await instance(instanceId, tx)
        const { release, deploymentId } = await recordFirstRelease(current, snapshots, caller.subject, tx, now())
        if (deploymentId === undefined) return release
        await wantAsDeclared(current, release, tx)
        const after = { deploymentId, version: release.version }
        const object = { kind: 'release', id: release.id }
        await tx.audit.append(audited(by, { action: 'release.record_initial', object, instanceId, after }))
        return release
      })
      parts.bus.wake()
      parts.hint(instanceId)
      return made
    },

    async rollback(given) {
      await auth.authorize(caller, 'deploy.create', instanceIdOf(given))
      const request = parse(rollbackRequestSchema, given, 'The rollback request')
      return await submitRollback(await instance(request.instanceId), request, by, parts)
    },

    async cancel(id) {
      const target = await deployment(id)
      await auth.authorize(caller, 'deploy.control', { instanceId: target.instanceId })
      return await cancel(target, by, parts)
    },

    async promote(id, gate) {
      const target = await deployment(id)
      await auth.authorize(caller, 'deploy.control', { instanceId: target.instanceId })
      return await promote(target, gate, by, parts)
    },

    async pause(id) {
      const target = await deployment(id)
      await auth.authorize(caller, 'deploy.control', { instanceId: target.instanceId })
      return await pause(target, by, parts)
    },

    async resume(id) {
      const target = await deployment(id)
      await auth.authorize(caller, 'deploy.control', { instanceId: target.instanceId })
      return await resume(target, by, parts)
    },

    async retry(id) {
      const first = await deployment(id)
      await auth.authorize(caller, 'deploy.create', { instanceId: first.instanceId })
      const run = await store.work.run(id)
      if (!run || (first.state !== 'failed' && first.state !== 'cancelled')) {
        throw new SlipwayError(
          'not_retryable',
          `Deployment ${id} is ${first.state}; only a failed or cancelled one can be retried.`,
          { next: 'Ask for a new deploy.' },
        )
      }
      const target = await instance(first.instanceId)
      if (run.request.kind === 'rollback')
        return await submitRollback(target, { releaseId: run.request.releaseId, retryOf: id }, by, parts)
      if (run.request.kind !== 'deploy') {
        throw new SlipwayError('not_retryable', `A ${first.kind} is not retried.`, { next: 'Ask for it again.' })
      }
      await parts.room.require('The deploy is refused')
      requireDeployable(target)
      const chosen = chooseStrategy(first.strategy, first.options ?? {}, parts.strategies)
      const { expectRelease, ...request } = run.request
      const brought = [...request.services, ...(request.declared ?? [])]
      await requireImages(brought, `The deployment ${id}`, parts.providers.get(target.provider))
      void expectRelease // what was expected then has passed
      const { notes, commitSha } = first
      return await submitDeploy(target, chosen, request, { notes, commitSha, ifBusy: 'queue', retryOf: id }, by, parts)
    },

    async getDeployment(id) {
      await readable()
      return await deployment(id)
    },

    async listDeployments(instanceId, options) {
      await readable()
      await instance(instanceId)
      return await store.deploys.listDeployments(tenantId, instanceId, options)
    },

    async findDeployments(options = {}) {
      await readable()
      const asked = options.instanceIds?.filter(id => sees(caller, id)) ?? caller.instances
      if (asked?.length === 0) return { items: [], total: 0 }
      return await store.deploys.findDeployments(tenantId, { ...options, ...(asked ? { instanceIds: asked } : {}) })
    },

    async actions(id) {
      await readable()
      return await actionsOf(await deployment(id))
    },

    async inspect(id) {
      await readable()
      const found = await deployment(id)
      return { deployment: found, actions: await actionsOf(found) }
    },

    async steps(id) {
      await readable()
      const { id: deploymentId } = await deployment(id)
      const run = await store.work.run(deploymentId)
      return performedSteps(run, await store.work.steps(deploymentId))
    },

    async previousRelease(instanceId) {
      await readable()
      const target = await instance(instanceId)
      const made = (await store.work.load(instanceId))?.activeDeploymentId
      const from = made === undefined ? undefined : (await store.deploys.getDeployment(tenantId, made))?.fromReleaseId
      if (from !== undefined && from !== target.currentReleaseId) return await release(from)
      throw new SlipwayError('never_active', `No release of "${target.name}" was active before the one that is.`, {
        next: 'Name the release to roll back to.',
      })
    },

    async getRelease(id) {
      await readable()
      return await release(id)
    },

    async listReleases(instanceId, options) {
      await readable()
      await instance(instanceId)
      return await store.deploys.listReleases(tenantId, instanceId, options)
    },

    async plan(given) {
      // Of the scope of a deploy: the images it names are looked up and copied, from anywhere on this machine or by npm.
      await auth.authorize(caller, 'deploy.create', instanceIdOf(given))
      const { target, chosen, resolved } = await understand(given, 'Nothing is planned')
      return await previewPlan(target, chosen, resolved, parts)
    },

    async diff(fromId, toId) {
      await readable()
      const [from, to] = [await release(fromId), await release(toId)]
      if (from.instanceId !== to.instanceId) throw notFound('release', toId)
      return diffServices(from.services, to.services)
    },

    async finished(id, signal) {
      await readable()
      await untilEnded(await deployment(id), parts, signal)
      return await deployment(id)
    },

    async *watch(id, signal) {
      await readable()
      yield* eventsOf(await deployment(id), parts, signal)
    },
  }
}

function requireRunning(instance: Instance): void {
  if (instance.state === 'running') return requireNoAttention(instance)
  throw new SlipwayError(
    'instance_state',
    `Instance "${instance.name}" is ${instance.state}; only what runs already is recorded.`,
    {
      next: 'An instance that Slipway brings up records its own first release.',
      details: { state: instance.state },
    },
  )
}

function found<T>(thing: T | undefined, kind: string, id: string): T {
  if (thing === undefined) throw notFound(kind, id)
  return thing
}

/** Why a tenant takes no new work, for a button. */
function closedOf(tenant: Tenant | undefined): { closed?: string } {
  return tenant === undefined || tenant.state === 'active'
    ? {}
    : { closed: `Tenant "${tenant.id}" is ${tenant.state}.` }
}

function instanceIdOf(given: unknown): { instanceId?: string } {
  const instanceId = (given as { instanceId?: unknown } | null)?.instanceId
  return typeof instanceId === 'string' ? { instanceId } : {}
}
