import { after, timestamp } from '../clock.ts'
import { revisionDigest, revisionName } from '../deploy/revision.ts'
import type { InstanceRecord } from '../deploy/work.ts'
import { isPassing, isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import type { EventType } from '../event/event.ts'
import { defaultGraceMs } from '../instance/service.ts'
import { callMs, type Fence, type Provider, type RevisionSpec, type TaskResult } from '../provider/provider.ts'
import { taskEvent } from '../task/service.ts'
import { type Task, type TaskPatch, taskEnded } from '../task/task.ts'
import type { EngineParts } from './context.ts'
import { leaseLost } from './lease.ts'
import { Waiters } from './waiters.ts'

/** How many tasks are taken up at once, and run at the same time. */
const batch = 16
const atOnce = 64
/** How soon a platform that did not answer is asked again, and how often orphans are looked for, milliseconds. */
const retryMs = 500
const lookMs = 1000

/** Whose name tasks are run in, and until when it may act. */
export interface TaskOwner {
  readonly id: string
  readonly validUntil: number
}

/**
 * Runs one-off tasks. They need no lease: nothing of an instance's table changes, and a provider runs a task of one name once, whoever asks. So
 * a task goes on beside a deployment, and outlives the control plane: who takes it up next waits for the same command.
 */
export class TaskRunner {
  readonly #parts: EngineParts
  readonly #owner: TaskOwner
  readonly #stop: AbortSignal
  readonly #waiters = new Waiters()
  /** Those whose command may have begun: by us, or by who had them before. */
  readonly #launched = new Set<string>()
  readonly #running = new Map<string, { readonly ask: AbortController; readonly done: Promise<void> }>()

  constructor(parts: EngineParts, owner: TaskOwner, stop: AbortSignal) {
    this.#parts = parts
    this.#owner = owner
    this.#stop = stop
  }

  /** There may be something to run, or to stop. */
  hint(): void {
    this.#waiters.wake()
  }

  /** Takes up tasks until it is stopped; resolves when it waits for none any more. The commands go on. */
  async run(): Promise<void> {
    const { store, clock, log } = this.#parts
    while (!this.#stop.aborted) {
      const mark = this.#waiters.mark()
      try {
        const room = Math.min(batch, atOnce - this.#running.size)
        if (room > 0 && (await store.tasks.waits()))
          for (const task of await store.tasks.claim(this.#owner.id, room)) this.#take(task)
        if (this.#running.size > 0)
          for (const { id } of await store.tasks.cancelling(this.#owner.id)) this.#running.get(id)?.ask.abort()
      } catch (error) {
        if (!this.#stop.aborted) log.warn({ error: messageOf(error) }, 'tasks could not be taken up')
      }
      await this.#waiters.since(mark, lookMs, clock, this.#stop)
    }
    await Promise.all([...this.#running.values()].map(({ done }) => done))
  }

  #take(task: Task): void {
    if (this.#running.has(task.id)) return // ours under an earlier name
    const ask = new AbortController()
    if (task.state === 'running') this.#launched.add(task.id)
    const done = this.#perform(task, ask.signal)
      .catch((error: unknown) => {
        if (!this.#stop.aborted) this.#parts.log.warn({ task: task.id, error: messageOf(error) }, 'a task was left')
      })
      .finally(() => {
        this.#running.delete(task.id)
        this.#launched.delete(task.id)
        this.#waiters.wake()
      })
    this.#running.set(task.id, { ask, done })
  }

  /** From wherever it is to its end. What passes by itself is waited for. */
  async #perform(claimed: Task, cancel: AbortSignal): Promise<void> {
    let task = claimed
    let refused: { readonly error: unknown } | undefined
    for (;;) {
      try {
        if (refused) return await this.#fail(task, refused.error)
        task = await this.#begin(task)
        if (taskEnded(task)) return
        const record = await this.#record(task)
        const spec = await this.#specOf(task, record)
        const { result, timedOut } = await this.#execute(task, spec, record, cancel)
        return await this.#end(
          task,
          endOf(await this.#fresh(task), result, timedOut, line => this.#mask(task, line)),
        )
      } catch (error) {
        if (this.#stop.aborted) throw error
        // A deployment claimed the instance in between, or the heart beat late: what is true now is read again.
        if (!isPassing(error) && !isSlipwayError(error, 'lease_lost')) {
          // That it failed is written like all else: again, for as long as a full disk keeps it from being written.
          if (refused) throw error
          refused = { error }
          continue
        }
        await this.#parts.clock.sleep(retryMs, this.#stop)
      }
    }
  }

  /** Marks it as started, if nobody cancelled it before. */
  async #begin(task: Task): Promise<Task> {
    const { store, clock, onCommit } = this.#parts
    if (task.state !== 'pending') return task
    const startedAt = timestamp(clock.now())
    const begun = await store.transaction(async tx => {
      if (await tx.tasks.update(task.id, ['pending'], { state: 'running', startedAt }))
        await tx.events.append(taskEvent('task.started', task))
      return (await tx.tasks.get(task.tenantId, task.id)) ?? task
    })
    onCommit()
    return begun
  }

  async #fresh(task: Task): Promise<Task> {
    return (await this.#parts.store.tasks.get(task.tenantId, task.id)) ?? task
  }

  async #record({ instanceId }: Task): Promise<InstanceRecord> {
    const record = await this.#parts.store.work.load(instanceId)
    const state = record?.instance.state
    if (record && state !== 'deleting' && state !== 'deleted') return record
    throw new SlipwayError('instance_state', `The instance ${instanceId} was deleted.`)
  }

  async #specOf(task: Task, record: InstanceRecord): Promise<RevisionSpec> {
    const { store, revisions } = this.#parts
    const release = await store.deploys.getRelease(task.tenantId, task.releaseId)
    const service = release?.services.find(candidate => candidate.name === task.service)
    if (!release || !service) throw new SlipwayError('not_found', `The release ${task.releaseId} is gone.`)
    const row = { service: task.service, revision: revisionName(revisionDigest(service), 1), release: release.id }
    return await revisions.specFor(record, row, { [release.id]: release.services })
  }

  /** Runs it to its end; once it was cancelled, or its time is over, it is stopped. */
  async #execute(
    task: Task,
    spec: RevisionSpec,
    record: InstanceRecord,
    cancel: AbortSignal,
  ): Promise<{ result: TaskResult; timedOut: boolean }> {
    const { providers, clock } = this.#parts
    const provider = providers.get(record.instance.provider)
    const timeout = new AbortController()
    const spent = clock.now() - Date.parse(task.startedAt ?? timestamp(clock.now()))
    const leftMs = task.timeoutSeconds * 1000 - spent
    // At once when it is over already: a platform that refuses at once would be asked again for ever.
    if (leftMs <= 0) timeout.abort()
    const end = after(clock, Math.max(0, leftMs), () => timeout.abort())
    const ending = AbortSignal.any([cancel, timeout.signal])
    const over = new AbortController()
    let stopping = Promise.resolve()
    try {
      if (!(await this.#prepare(provider, task, spec, ending)))
        return { result: neverRan, timedOut: timeout.signal.aborted }
      stopping = this.#stopWhen(ending, over.signal, () => this.#stopTask(provider, task))
      this.#launched.add(task.id)
      const result = await provider.runTask(spec, task.command, task.id, this.#fence(record))
      return { result, timedOut: timeout.signal.aborted }
    } finally {
      end()
      over.abort()
      await stopping
    }
  }

  /** Fetches what it needs. False when its end was asked for, or its time was over, before it can have run at all. */
  async #prepare(provider: Provider, task: Task, spec: RevisionSpec, ending: AbortSignal): Promise<boolean> {
    const isNew = !this.#launched.has(task.id)
    try {
      const signal = isNew ? AbortSignal.any([ending, this.#stop]) : this.#stop
      await provider.prepare(spec, () => void 0 /* nobody watches a task's image being fetched */, signal)
    } catch (error) {
      if (!isNew || !ending.aborted || this.#stop.aborted) throw error
    }
    return !(isNew && ending.aborted)
  }

  /** Acts once `when` is aborted, unless it was over before; again while the platform does not answer. */
  async #stopWhen(when: AbortSignal, over: AbortSignal, act: () => Promise<void>): Promise<void> {
    await aborted(AbortSignal.any([when, over, this.#stop]))
    while (!over.aborted && !this.#stop.aborted) {
      try {
        await act()
      } catch (error) {
        if (!over.aborted && !this.#stop.aborted)
          this.#parts.log.warn({ error: messageOf(error) }, 'a task could not be stopped; it is tried again')
      }
      // Asked for while it was only about to start, the end found nothing to end.
      await new Waiters().next(retryMs, this.#parts.clock, AbortSignal.any([over, this.#stop]))
    }
  }

  async #stopTask(provider: Provider, task: Task): Promise<void> {
    // Under the epoch of now: deployments have acted since the task began.
    const record = await this.#record(task)
    const { instance } = record
    const graceMs = instance.services.find(({ name }) => name === task.service)?.graceMs ?? defaultGraceMs
    await provider.stopTask(task.instanceId, task.service, task.id, graceMs, this.#fence(record))
  }

  #fence({ instance: { id: instanceId }, epoch }: InstanceRecord): Fence {
    const { store, clock } = this.#parts
    return {
      storeId: store.storeId,
      instanceId,
      epoch,
      signal: this.#stop,
      check: () => {
        if (this.#stop.aborted || clock.monotonic() + callMs > this.#owner.validUntil) throw leaseLost(instanceId)
      },
    }
  }

  async #end(task: Task, [type, patch]: readonly [EventType, TaskPatch]): Promise<void> {
    const { store, clock, onCommit } = this.#parts
    await store.transaction(async tx => {
      const finishedAt = timestamp(clock.now())
      if (!(await tx.tasks.update(task.id, ['running'], { ...patch, finishedAt }))) return
      await tx.events.append(taskEvent(type, (await tx.tasks.get(task.tenantId, task.id)) ?? task))
    })
    onCommit()
  }

  async #fail(task: Task, error: unknown): Promise<void> {
    const code = isSlipwayError(error) ? error.code : 'internal'
    const why = this.#mask(task, messageOf(error))
    await this.#end(task, ['task.failed', { state: 'failed', error: why, errorCode: code }])
  }

  #mask(task: Task, line: string): string {
    return this.#parts.mask(task.instanceId, line)
  }
}

/** What came of one that was ended before its command began. */
const neverRan: TaskResult = { exitCode: 1, output: [], interrupted: true }

/** What came of it, in the order of what counts: a cancel that somebody asked for, its time, and how it ended itself. */
function endOf(
  task: Task,
  { exitCode, output: lines, interrupted }: TaskResult,
  timedOut: boolean,
  mask: (line: string) => string,
): [EventType, TaskPatch] {
  const output = lines.map(mask)
  const told = { output, ...(interrupted ? {} : { exitCode }) }
  const failed = (errorCode: string, error: string): [EventType, TaskPatch] => [
    'task.failed',
    { ...told, state: 'failed', errorCode, error },
  ]
  if (task.cancelledBy !== undefined && exitCode !== 0) return ['task.cancelled', { ...told, state: 'cancelled' }]
  if (timedOut && exitCode !== 0)
    return failed('task_timeout', `It took longer than ${task.timeoutSeconds} s and was stopped.`)
  if (interrupted)
    return failed('task_interrupted', 'It was interrupted in the middle, and is not run again by itself.')
  if (exitCode === 0) return ['task.succeeded', { ...told, state: 'succeeded' }]
  const last = output.at(-1)
  return failed('task_failed', `It ended with ${exitCode}${last === undefined ? '' : `: "${last}"`}.`)
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
