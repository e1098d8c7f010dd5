import { audited } from '../audit/entry.ts'
import type { AuthProvider, Claims } from '../auth/auth.ts'
import { sees } from '../auth/authorize.ts'
import { type Clock, timestamp } from '../clock.ts'
import { notFound } from '../deploy/refusal.ts'
import { parse } from '../deploy/schema.ts'
import type { ListOptions, Page } from '../deploy/store.ts'
import type { Store, Stores } from '../deploy/work.ts'
import { SlipwayError } from '../errors.ts'
import type { EventBus } from '../event/bus.ts'
import type { EventType, NewEvent } from '../event/event.ts'
import { newId } from '../id.ts'
import type { Instance } from '../instance/instance.ts'
import { requireNoAttention, requireState } from '../instance/refusal.ts'
import type { Room } from '../room.ts'
import { openTenant } from '../tenant/quota.ts'
import { type Task, type TaskRequest, taskEnded, taskLimits, taskRequestSchema } from './task.ts'

/** One-off tasks, as one caller may run them. */
export interface TaskService {
  /**
   * Runs a command beside the replicas of a service; resolves once it is recorded. Changes nothing of the instance. Throws
   * `tenant_suspended`.
   */
  run(instanceId: string, request: TaskRequest): Promise<Task>
  get(id: string): Promise<Task>
  /** Of one instance, newest first. */
  list(instanceId: string, options?: ListOptions): Promise<Page<Task>>
  /** Stops it: SIGTERM, and SIGKILL after the grace. A second time changes nothing. Throws `already_ended`. */
  cancel(id: string): Promise<Task>
  /** Resolves when it has ended, with its end. */
  finished(id: string, signal?: AbortSignal): Promise<Task>
}

interface TaskParts {
  readonly store: Store
  readonly bus: EventBus
  readonly auth: AuthProvider
  readonly clock: Clock
  readonly room: Room
  /** There is something to do for who runs tasks. */
  readonly hintTasks: () => void
}

const endings: readonly EventType[] = ['task.succeeded', 'task.failed', 'task.cancelled']

/** A task service that acts for this caller. */
export function taskService(parts: TaskParts, caller: Claims): TaskService {
  const { store, bus, auth, clock } = parts
  const tenantId = auth.tenantOf(caller)
  const by = { ...caller, tenantId }

  const instance = async (id: string, reader: Pick<Stores, 'instances'> = store): Promise<Instance> => {
    const found = sees(caller, id) ? await reader.instances.get(tenantId, id) : undefined
    if (found) return found
    throw notFound('instance', id)
  }
  const task = async (id: string, reader: Pick<Stores, 'tasks'> = store): Promise<Task> => {
    const found = await reader.tasks.get(tenantId, id)
    if (found && sees(caller, found.instanceId)) return found
    throw notFound('task', id)
  }

  return {
    async run(instanceId, given) {
      await auth.authorize(caller, 'task.create', { instanceId })
      const request = parse(taskRequestSchema, given, 'The task')
      await parts.room.require('The task is refused')
      const made = await store.transaction(async tx => {
        // The instance before its tenant, as everywhere: two that hold them in turn would wait for each other.
        const target = await instance(instanceId, tx)
        return await openTenant(tx, tenantId, async () => {
          requireState(target, ['running', 'failed'])
          requireNoAttention(target)
          const made: Task = {
            id: newId('task'),
            createdAt: timestamp(clock.now()),
            tenantId,
            instanceId,
            service: request.service,
            releaseId: await releaseWith(request.service, target, tx),
            command: request.command,
            timeoutSeconds: request.timeoutSeconds ?? taskLimits.timeoutSeconds,
            state: 'pending',
            initiator: caller.subject,
          }
          if ((await tx.tasks.unended(instanceId)) >= taskLimits.atOnce) throw tooMany(target)
          await tx.tasks.insert(made)
          await tx.events.append(taskEvent('task.queued', made))
          const object = { kind: 'task', id: made.id, name: target.name }
          const { service, command, releaseId, timeoutSeconds } = made
          const after = { service, command, releaseId, timeoutSeconds }
          await tx.audit.append(audited(by, { action: 'task.create', object, instanceId, after }))
          return made
        })
      })
      bus.wake()
      parts.hintTasks()
      return made
    },

    async get(id) {
      await auth.authorize(caller, 'task.read')
      return await task(id)
    },

    async list(instanceId, options) {
      await auth.authorize(caller, 'task.read', { instanceId })
      await instance(instanceId)
      return await store.tasks.list(tenantId, instanceId, options)
    },

    async cancel(id) {
      const { instanceId } = await task(id)
      await auth.authorize(caller, 'task.create', { instanceId })
      const now = await store.transaction(async tx => {
        const before = await task(id, tx)
        if (taskEnded(before)) {
          throw new SlipwayError('already_ended', `Task ${id} has ended: it ${inWords(before)}.`, {
            next: 'Run it again, if that is what is wanted.',
            details: { state: before.state },
          })
        }
        if (before.cancelledBy !== undefined) return before
        const atOnce = before.state === 'pending'
        const finishedAt = timestamp(clock.now())
        await tx.tasks.update(id, [before.state], {
          cancelledBy: caller.subject,
          ...(atOnce ? { state: 'cancelled', finishedAt } : {}),
        })
        const after = await task(id, tx)
        if (atOnce) await tx.events.append(taskEvent('task.cancelled', after))
        const object = { kind: 'task', id }
        const change = { before: { state: before.state }, after: { state: after.state } }
        await tx.audit.append(audited(by, { action: 'task.cancel', object, instanceId, ...change }))
        return after
      })
      bus.wake()
      parts.hintTasks()
      return now
    },

    async finished(id, signal) {
      await auth.authorize(caller, 'task.read')
      const place = await store.events.lastSeq()
      const before = await task(id)
      if (taskEnded(before)) return before
      const filter = { after: place, tenantId, instanceId: before.instanceId, types: endings }
      for await (const event of bus.watch(filter, signal ?? new AbortController().signal)) {
        if (event.data?.['taskId'] === id) break
      }
      return await task(id)
    },
  }
}

/** What is told of a task in the log of events. */
export function taskEvent(type: EventType, task: Task): NewEvent {
  const { id: taskId, tenantId, instanceId, releaseId, service, exitCode, error } = task
  const more = { ...(exitCode !== undefined ? { exitCode } : {}), ...(error !== undefined ? { error } : {}) }
  return { type, tenantId, instanceId, releaseId, data: { taskId, service, ...more } }
}

/** The active release, which has the service. */
async function releaseWith(service: string, instance: Instance, tx: Stores): Promise<string> {
  const { currentReleaseId, tenantId, name } = instance
  const release = currentReleaseId === undefined ? undefined : await tx.deploys.getRelease(tenantId, currentReleaseId)
  if (!release) {
    throw new SlipwayError('instance_state', `Instance "${name}" has no active release yet.`, {
      next: 'Deploy it first.',
      details: { state: instance.state },
    })
  }
  if (release.services.some(candidate => candidate.name === service)) return release.id
  throw new SlipwayError('unknown_service', `Instance "${name}" has no service ${JSON.stringify(service)}.`, {
    next: `Its services are: ${release.services.map(candidate => candidate.name).join(', ')}.`,
  })
}

function tooMany({ name }: Instance): SlipwayError {
  return new SlipwayError('instance_busy', `Instance "${name}" has ${taskLimits.atOnce} tasks under way already.`, {
    next: 'Wait until one has ended, or cancel one.',
  })
}

function inWords({ state, exitCode }: Task): string {
  switch (state) {
    case 'succeeded':
      return 'succeeded'
    case 'failed':
      return exitCode === undefined ? 'failed' : `ended with ${exitCode}`
    case 'cancelled':
      return 'was cancelled'
    case 'pending':
    case 'running':
      return 'is about to end'
  }
}
