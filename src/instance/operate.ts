import { type AuditAction, changesOf } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import { sees } from '../auth/authorize.ts'
import { type Clock, type Timestamp, timestamp } from '../clock.ts'
import { checkComposition } from '../deploy/compose.ts'
import type { Deployment, DeploymentKind } from '../deploy/deployment.ts'
import { cancelPending, eventOf } from '../deploy/end.ts'
import type { InstanceListOptions, Summary } from '../deploy/find.ts'
import { notFound } from '../deploy/refusal.ts'
import { resolveImages } from '../deploy/resolve.ts'
import type { Run } from '../deploy/run.ts'
import { parse } from '../deploy/schema.ts'
import { seal } from '../deploy/seal.ts'
import type { Page } from '../deploy/store.ts'
import type { Strategy } from '../deploy/strategy.ts'
import type { Store, Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { EventBus } from '../event/bus.ts'
import { newId } from '../id.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import type { Room } from '../room.ts'
import type { Vault } from '../secrets/vault.ts'
import { requireOpen, withinQuota } from '../tenant/quota.ts'
import { type Adopted, adopt } from './adopt.ts'
import { type Change, changedInstance, declaredOf, type Operation, operated } from './audit.ts'
import { checkExpose, exposedOf } from './expose.ts'
import { requireOwnHosts } from './hosts.ts'
import { type Instance, type InstanceState, isHeld } from './instance.ts'
import { requireNoAttention, requireState, requireThere } from './refusal.ts'
import {
  type CreateInstanceRequest,
  createInstanceSchema,
  replicasSchema,
  type UpdateInstanceRequest,
  updateInstanceSchema,
} from './schema.ts'
import type { DeclaredService } from './service.ts'

/** What an instance service is built from. */
export interface InstanceParts {
  readonly store: Store
  readonly providers: ProviderRegistry
  readonly bus: EventBus
  readonly auth: AuthProvider
  readonly vault: Vault
  readonly clock: Clock
  /** Asked before new work is taken on; what stops or removes goes into the reserve. */
  readonly room: Room
  readonly strategies: ReadonlyMap<string, Strategy>
  /** Below it, every tenant has host names of its own. */
  readonly domain: string
  readonly hint: (instanceId: string) => void
}

/** An instance that was asked for, and the run that brings it up. */
export interface Created {
  readonly instance: Instance
  readonly deployment: Deployment
}

/** Instances and what is done to them as a whole. All of it goes through the same queue, lease and steps as a deploy. */
export interface InstanceService {
  /** Declares an instance and starts its services; version 1 is recorded once they are up. */
  create(request: CreateInstanceRequest): Promise<Created>
  get(id: string): Promise<Instance>
  /** Newest first. */
  list(options?: InstanceListOptions): Promise<Page<Instance>>
  /** How many there are, and how many move. */
  summary(): Promise<Summary>
  /** Name, hosts, exposed service and policies; services change by deploy. `check` may refuse it by what the instance is in that moment. */
  update(id: string, change: UpdateInstanceRequest, check?: InstanceCheck): Promise<Instance>
  /** Changes replica counts. Changes no release. */
  scale(id: string, replicas: Readonly<Record<string, number>>): Promise<Deployment>
  /** Replaces every replica (of these services) by a new one of the same revision, one at a time. */
  restart(id: string, services?: readonly string[]): Promise<Deployment>
  /** Takes everything down; the declaration stays. */
  stop(id: string): Promise<Deployment>
  start(id: string): Promise<Deployment>
  /** Cancels what runs without undoing it, drops what waits, removes everything. Its data is gone. */
  delete(id: string, check?: InstanceCheck): Promise<Deployment>
  /**
   * For an instance that needs attention: somebody has looked, and what is stored is what is wanted from now on. What runs is brought to the
   * stored table, as ever: it serves until the table's replicas are ready. Throws `instance_state` for one that needs none.
   */
  adopt(id: string): Promise<Adopted>
}

/** Throws to refuse a change; called inside the transaction that makes it. */
export type InstanceCheck = (instance: Instance) => void

/** An instance service that acts for this caller. */
export function instanceService(parts: InstanceParts, caller: Claims): InstanceService {
  const { store, auth, clock, providers, vault } = parts
  const tenantId = auth.tenantOf(caller)
  const now = (): string => timestamp(clock.now())

  async function get(id: string, reader: Pick<Stores, 'instances'> = store): Promise<Instance> {
    const instance = sees(caller, id) ? await reader.instances.get(tenantId, id) : undefined
    if (instance) return instance
    throw notFound('instance', id)
  }

  function tell(instanceId: string): void {
    parts.bus.wake()
    parts.hint(instanceId)
  }

  const changed = (action: AuditAction, instance: Pick<Instance, 'id' | 'name'>, change: Change) =>
    changedInstance({ ...caller, tenantId }, action, instance, change)

  function runOf(
    kind: DeploymentKind,
    instance: Pick<Instance, 'id' | 'currentReleaseId'>,
    strategy: string,
    options: Record<string, unknown>,
  ): Deployment {
    const at = now()
    return {
      id: newId('dep'),
      createdAt: at,
      updatedAt: at,
      tenantId,
      instanceId: instance.id,
      releaseId: instance.currentReleaseId ?? newId('rel'),
      kind,
      state: 'pending',
      strategy,
      options,
      services: [],
      initiator: caller.subject,
      reason: { code: 'queued', text: 'waits for its turn', since: at },
    }
  }

  /** Queues a run on an instance that is in one of these states. */
  async function operate(
    id: string,
    states: readonly InstanceState[],
    request: Operation,
    check?: (instance: Instance) => void,
  ): Promise<Deployment> {
    await auth.authorize(caller, 'instance.operate', { instanceId: id })
    if (request.kind !== 'stop') await parts.room.require(`The ${request.kind} is refused`)
    const made = await store.transaction(async tx => {
      const instance = await get(id, tx)
      requireState(instance, states)
      requireNoAttention(instance)
      check?.(instance)
      const strategy = request.kind === 'restart' ? 'rolling' : 'blue-green'
      const options =
        request.kind === 'restart' ? { maxSurge: 1, maxUnavailable: 0 } : { keepWarmSeconds: 0, preview: false }
      const deployment = runOf(request.kind, instance, strategy, options)
      const queue = async (): Promise<void> => {
        await tx.deploys.insertDeployment(deployment, request)
        await tx.events.append(eventOf('deploy.queued', deployment, { kind: request.kind }))
        await tx.audit.append(changed(`instance.${request.kind}`, instance, operated(request, instance, deployment.id)))
        await tx.work.wake(id)
      }
      await (request.kind === 'stop' ? queue() : withinQuota(tx, tenantId, queue))
      return deployment
    })
    tell(id)
    return made
  }

  return {
    async create(given) {
      await auth.authorize(caller, 'instance.create')
      const request = parse(createInstanceSchema, given, 'The instance')
      requireOwnHosts(request.hosts ?? [], tenantId, parts.domain)
      await parts.room.require('The instance is not created')
      requireOpen(await store.tenants.get(tenantId)) // before images are copied; the transaction looks again
      const provider = request.provider === undefined ? providers.default() : providers.get(request.provider)
      if (request.services.length === 0) {
        throw new SlipwayError('empty_services', 'The instance declares no service.', {
          next: 'Declare at least one, with its image.',
        })
      }
      const declared = request.services.map(({ expose, replicas, ...spec }): DeclaredService => {
        void expose // kept with the instance
        return { ...spec, replicas: replicas ?? 1 }
      })
      const exposed = exposedOf(request.services)
      checkExpose(exposed, declared)
      const newest = new Map((await vault.list(tenantId)).map(secret => [secret.name, secret.version]))
      const draft = declared.map(service => ({ ...service, digest: 'unresolved' }))
      checkComposition(seal([], draft, true, newest), provider)
      const services = seal([], await resolveImages(declared, provider, declared), true, newest)
      const at = now()
      const instance: Instance = {
        id: newId('inst'),
        createdAt: at,
        updatedAt: at,
        tenantId,
        name: request.name,
        state: 'provisioning',
        services: declared,
        ...(exposed !== undefined ? { expose: exposed } : {}),
        hosts: request.hosts ?? [],
        policies: request.policies ?? {},
        provider: provider.name,
        urls: {},
      }
      const deployment = runOf('provision', instance, 'blue-green', { keepWarmSeconds: 0, preview: false })
      await store.transaction(async tx => {
        await withinQuota(tx, tenantId, async () => {
          await tx.instances.insert(instance)
          await tx.deploys.insertDeployment(deployment, { kind: 'provision', services })
          await tx.events.append({
            type: 'instance.created',
            tenantId,
            instanceId: instance.id,
            data: { name: instance.name },
          })
          await tx.events.append(eventOf('deploy.queued', deployment, { kind: 'provision' }))
          await tx.work.wake(instance.id)
        })
        const images = services.map(({ name, image }) => ({ name, image }))
        await tx.audit.append(
          changed('instance.create', instance, {
            after: { name: instance.name, services: images, deploymentId: deployment.id },
          }),
        )
      })
      tell(instance.id)
      return { instance, deployment }
    },

    async get(id) {
      await auth.authorize(caller, 'instance.read', { instanceId: id })
      return await get(id)
    },

    async list(options = {}) {
      await auth.authorize(caller, 'instance.read')
      const ids = options.ids?.filter(id => sees(caller, id)) ?? caller.instances
      if (ids?.length === 0) return { items: [], total: 0 }
      return await store.instances.list(tenantId, { ...options, ...(ids ? { ids } : {}) })
    },

    async summary() {
      await auth.authorize(caller, 'instance.read')
      return await store.instances.summary(tenantId, caller.instances)
    },

    async update(id, given, check) {
      await auth.authorize(caller, 'instance.update', { instanceId: id })
      const change = parse(updateInstanceSchema, given, 'The update')
      requireOwnHosts(change.hosts ?? [], tenantId, parts.domain)
      const updated = await store.transaction(async tx => {
        const instance = await get(id, tx)
        requireThere(instance)
        requireNoAttention(instance)
        check?.(instance)
        checkExpose(change.expose ?? undefined, instance.services)
        await tx.instances.update(id, {
          ...(change.name !== undefined ? { name: change.name } : {}),
          ...(change.hosts !== undefined ? { hosts: change.hosts } : {}),
          ...(change.expose !== undefined ? { expose: change.expose } : {}),
          ...(change.policies !== undefined ? { policies: { ...instance.policies, ...change.policies } } : {}),
        })
        await tx.events.append({
          type: 'instance.updated',
          tenantId,
          instanceId: id,
          data: { fields: Object.keys(change) },
        })
        await tx.work.wake(id)
        const now = await get(id, tx)
        await tx.audit.append(changed('instance.update', instance, changesOf(declaredOf(instance), declaredOf(now))))
        return now
      })
      tell(id)
      return updated
    },

    async scale(id, given) {
      const replicas = parse(replicasSchema, given, 'The replica counts')
      return await operate(id, ['running', 'failed'], { kind: 'scale', replicas }, instance => {
        requireActive(instance)
        requireServices(instance, Object.keys(replicas))
      })
    },

    async restart(id, services) {
      const instance = await get(id)
      const chosen = services ?? instance.services.map(service => service.name)
      return await operate(id, ['running', 'failed'], { kind: 'restart', services: chosen }, current => {
        requireActive(current)
        requireServices(current, chosen)
      })
    },

    stop: async id => await operate(id, ['running', 'failed'], { kind: 'stop' }, requireActive),

    start: async id => await operate(id, ['stopped'], { kind: 'start' }, requireActive),

    async delete(id, check) {
      await auth.authorize(caller, 'instance.delete', { instanceId: id })
      const at = now()
      const deleting = await store.transaction(async tx => {
        const instance = await get(id, tx)
        const busy = await tx.work.queue(id)
        const already = busy.find(run => run.deployment.kind === 'delete')
        if (already) return already.deployment
        requireThere(instance)
        check?.(instance)
        await endAll(busy, caller.subject, tx, at)
        // What its table says is not what runs: nothing of it is brought back only to be taken down in order.
        if (isHeld(instance)) await tx.work.patch(id, { table: [] })
        await tx.instances.update(id, { state: 'deleting' })
        const deployment = runOf('delete', instance, 'blue-green', { keepWarmSeconds: 0, preview: false })
        await tx.deploys.insertDeployment(deployment, { kind: 'delete' })
        await tx.events.append(eventOf('deploy.queued', deployment, { kind: 'delete' }))
        await tx.audit.append(
          changed('instance.delete', instance, {
            before: { state: instance.state, releaseId: instance.currentReleaseId },
            after: { state: 'deleting', deploymentId: deployment.id },
          }),
        )
        await tx.work.wake(id)
        return deployment
      })
      tell(id)
      return deleting
    },

    async adopt(id) {
      await auth.authorize(caller, 'instance.operate', { instanceId: id })
      const adopted = await adopt(id, { ...parts, by: { ...caller, tenantId }, get })
      tell(id)
      return adopted
    },
  }
}

/** Cancels what runs or waits of an instance that is deleted. Nothing of it is undone. */
async function endAll(busy: readonly Run[], by: string, tx: Stores, at: Timestamp): Promise<void> {
  const why = { code: 'instance_deleted', error: `the instance was deleted by ${by}` }
  for (const { deployment } of busy) {
    if (await cancelPending(deployment, why, tx, at)) continue
    await tx.deploys.updateDeployment(deployment.id, ['running'], {
      state: 'cancelled',
      finishedAt: at,
      error: why.error,
      errorCode: why.code,
      restored: false,
      reason: null,
    })
    await tx.events.append(eventOf('deploy.cancelled', deployment, { ...why, kind: deployment.kind, restored: false }))
    await tx.work.signal({
      deploymentId: deployment.id,
      instanceId: deployment.instanceId,
      kind: 'cancel',
      by: by,
      cause: why.error,
    })
  }
}

function requireActive(instance: Instance): void {
  if (instance.currentReleaseId !== undefined) return
  throw new SlipwayError('instance_state', `Instance "${instance.name}" has no active release yet.`, {
    next: 'Deploy it first.',
    details: { state: instance.state },
  })
}

function requireServices(instance: Instance, names: readonly string[]): void {
  if (names.length === 0)
    throw new SlipwayError('empty_services', 'No service was named.', { next: 'Name at least one.' })
  const unknown = names.find(name => !instance.services.some(service => service.name === name))
  if (unknown === undefined) return
  throw new SlipwayError('unknown_service', `Instance "${instance.name}" has no service "${unknown}".`, {
    next: `Its services are: ${instance.services.map(service => service.name).join(', ')}.`,
  })
}
