import { timestamp } from '../clock.ts'
import type { DeploymentState, ServiceProgress } from '../deploy/deployment.ts'
import { eventOf } from '../deploy/end.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Step, Table } from '../deploy/step.ts'
import type { Strategy, StrategyParams } from '../deploy/strategy.ts'
import { checkStep } from '../deploy/table.ts'
import type { Stores } from '../deploy/work.ts'
import { isShortage, isSlipwayError, messageOf, SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import type { Attendance } from './context.ts'
import { makeTrue, type Outcome } from './perform.ts'
import { lastTouch, progressOf, reasonFor, stepDigest } from './progress.ts'
import { checkReached } from './reached.ts'
import { patienceMs } from './stillness.ts'
import { providerView } from './view.ts'
import { watchProgress } from './watch.ts'

/** How the way forward ended: all steps done, to be undone, waiting without a lease, or taken from us. */
export type Forward =
  | {
      readonly kind: 'done'
      readonly last: StepRecord | undefined
      readonly progress: Record<string, ServiceProgress>
      readonly signalSeq: number
    }
  | { readonly kind: 'undo' }
  | { readonly kind: 'parked'; readonly wakeAt: number | null; readonly signalSeq: number }
  | { readonly kind: 'ended' }

/** How long a strategy may take to end after it was told to, milliseconds. */
const heedMs = 1000

/** Thrown through a strategy to unwind it; says why. */
type Unwind = Exclude<Forward, { kind: 'done' }>
class Unwinding extends Error {
  readonly to: Unwind
  constructor(to: Unwind) {
    super(`the rollout is ${to.kind}`)
    this.to = to
  }
}

/**
 * Carries a running deployment forward by its strategy, one durable step at a time. Steps that were recorded as done are not waited for
 * again; the one that was begun is. Ends when the strategy is through, fails, or is unwound by a signal.
 */
export async function forward(run: Run, plan: FrozenPlan, at: Attendance): Promise<Forward> {
  const session = new Session(run, plan, at)
  return await session.carry()
}

class Session {
  readonly #run: Run
  readonly #plan: FrozenPlan
  readonly #at: Attendance
  readonly #stop = new AbortController()
  #records = new Map<number, StepRecord>()
  #position = 0
  #table: Table
  #progress: Record<string, ServiceProgress>
  #unfinished: StepRecord | undefined
  #signalSeq = -1
  /** When someone asked to pause, wall time; undefined when nobody did. */
  #pausedAt: number | undefined
  #unwound: Unwind | undefined
  /** What the store failed with. It is no fault of the deployment, which is taken up again where it was. */
  #interrupted: { readonly error: unknown } | undefined
  /** What became of the first step that failed. */
  #broken: { readonly error: unknown } | undefined

  constructor(run: Run, plan: FrozenPlan, at: Attendance) {
    this.#run = run
    this.#plan = plan
    this.#at = at
    this.#table = plan.base
    this.#progress = { ...run.deployment.serviceProgress }
  }

  async carry(): Promise<Forward> {
    const { parts, lease, keeper } = this.#at
    const records = await parts.store.work.steps(this.#run.deployment.id)
    this.#records = new Map(
      records.filter(record => record.phase === 'forward').map(record => [record.position, record]),
    )
    const listening = new AbortController()
    const onLost = (): void => this.#stop.abort(lease.signal.reason)
    lease.signal.addEventListener('abort', onLost, { once: true, signal: listening.signal })
    const listener = this.#listen(listening.signal)
    try {
      await this.#stored(() => this.#hear())
      if (this.#unwound) return this.#unwound
      const strategy = parts.strategies.get(this.#run.deployment.strategy)
      if (!strategy)
        throw new SlipwayError(
          'unknown_strategy',
          `The strategy "${this.#run.deployment.strategy}" is not registered any more.`,
        )
      await this.#execute(strategy)
      if (this.#unwound) return this.#unwound
      this.#throwIfLost()
      if (this.#interrupted) throw this.#interrupted.error
      if (this.#broken) throw this.#broken.error
      checkReached(this.#plan, this.#table)
      if (this.#run.deployment.kind === 'delete') await this.#emptied()
      return { kind: 'done', last: this.#unfinished, progress: this.#progress, signalSeq: this.#signalSeq }
    } catch (error) {
      if (this.#unwound) return this.#unwound
      this.#throwIfLost()
      if (this.#interrupted) throw this.#interrupted.error
      // Neither is a fault of the deployment, which is taken up again where it was: by its next owner, or when there is room.
      if (isSlipwayError(error, 'lease_lost') || isShortage(error)) throw error
      return await this.#failed(error)
    } finally {
      listening.abort()
      this.#stop.abort(new SlipwayError('closed', 'The rollout is over.'))
      await listener
      keeper.hint()
    }
  }

  /** A delete is done when nothing is there any more, what an earlier one was stuck with included. */
  async #emptied(): Promise<void> {
    const { keeper, parts } = this.#at
    const plan = this.#plan
    const watch = watchProgress({ keeper, parts, plan, patienceMs: patienceMs({ kind: 'retire' }, plan, keeper) })
    await keeper.until(view => {
      if (view.observed && view.replicas.length === 0) return true
      watch(view)
      return undefined
    }, this.#stop.signal)
  }

  /** Runs the strategy. One that does not end when it is told to is left behind: nothing it does has an effect any more. */
  async #execute(strategy: Strategy): Promise<void> {
    const { signal } = this.#stop
    const running = (async () => await strategy.execute(this.#params()))()
    const told = Promise.withResolvers<void>()
    const tell = (): void => told.resolve()
    if (signal.aborted) tell()
    signal.addEventListener('abort', tell, { once: true })
    const patience = new AbortController()
    const deaf = async (): Promise<void> => {
      await told.promise
      await this.#at.parts.clock.sleep(heedMs, patience.signal)
      throw signal.reason
    }
    const left = deaf()
    left.catch((error: unknown) => void error) // because the strategy ended first
    running.catch((error: unknown) => void error) // because it was left behind
    try {
      await Promise.race([running, left])
    } finally {
      signal.removeEventListener('abort', tell)
      patience.abort()
    }
  }

  #throwIfLost(): void {
    if (this.#at.lease.signal.aborted) throw this.#at.lease.signal.reason
  }

  #params(): StrategyParams {
    const { keeper, parts } = this.#at
    const { deployment } = this.#run
    const provider = parts.providers.get(keeper.providerName)
    const input = {
      table: this.#plan.base,
      old: this.#plan.old,
      next: this.#plan.next,
      options: this.#plan.options,
      mode: this.#plan.mode,
    }
    const perform = (step: Step): Promise<void> => {
      const performed = this.#perform(step)
      performed.catch((error: unknown) => void (this.#broken ??= { error })) // because a failed step fails the deployment, whoever awaits it
      return performed
    }
    return {
      deployment,
      steps: this.#plan.steps ?? [],
      input,
      rollout: { perform },
      provider: providerView({
        provider,
        instanceId: keeper.instanceId,
        input,
        table: () => this.#table,
        perform,
      }),
      signal: this.#stop.signal,
      onProgress: (phase, percent, message) => this.#said({ phase, percent, message }),
      onServiceProgress: (service, state) => {
        if (!Object.hasOwn(this.#progress, service)) return
        this.#progress[service] = state
        this.#said({ service, state })
      },
    }
  }

  /** What a strategy says about itself is told to those who watch, unless the deployment has ended by then. */
  #said(data: Readonly<Record<string, unknown>>): void {
    if (this.#stop.signal.aborted) return
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const write = parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      if (this.#stop.signal.aborted) return
      const still = await tx.deploys.updateDeployment(deployment.id, ['running'], {
        serviceProgress: { ...this.#progress },
      })
      if (!still) return
      await tx.events.append({
        type: 'deploy.progress',
        tenantId: deployment.tenantId,
        instanceId: deployment.instanceId,
        deploymentId: deployment.id,
        data,
      })
    })
    write.then(parts.onCommit, error =>
      parts.log.warn({ deployment: deployment.id, error: messageOf(error) }, 'progress was not recorded'),
    )
  }

  async #perform(step: Step): Promise<void> {
    if (this.#unwound) throw new Unwinding(this.#unwound)
    this.#stop.signal.throwIfAborted()
    if (this.#broken) throw this.#broken.error
    const position = this.#position++
    const digest = stepDigest(step)
    const before = this.#records.get(position)
    if (before && before.digest !== digest) {
      throw new SlipwayError(
        'plan_changed',
        `The strategy asked for "${step.name}" at step ${position + 1}, where it asked for "${before.step.name}" before it was interrupted.`,
        {
          next: 'Let execute() depend on nothing but its parameters.',
        },
      )
    }
    if (before && before.state !== 'begun') {
      this.#table = step.table
      this.#at.keeper.want(step.table, 'all')
      return
    }
    if (!before) {
      checkStep(this.#table, step, exclusiveNames(this.#plan))
      await this.#begin(position, digest, step)
    }
    this.#table = step.table
    this.#at.keeper.want(step.table, 'all')
    const outcome = await makeTrue(step, {
      run: this.#run,
      plan: this.#plan,
      at: this.#at,
      signal: this.#stop.signal,
      stored: ask => this.#stored(ask),
      position,
      watchedMs: before?.state === 'begun' ? this.#run.watchedMs : 0,
    })
    await this.#settle(position, step, outcome)
  }

  async #write<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
    return await this.#stored(() => this.#at.parts.store.transaction(work))
  }

  async #stored<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      this.#interrupted ??= { error }
      throw error
    }
  }

  async #begin(position: number, digest: string, step: Step): Promise<void> {
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const now = timestamp(parts.clock.now())
    const record: StepRecord = {
      deploymentId: deployment.id,
      phase: 'forward',
      position,
      digest,
      step,
      state: 'begun',
      beganAt: now,
    }
    for (;;) {
      if (this.#pausedAt !== undefined) await this.#pauseHere(this.#pausedAt)
      const progress = progressOf(this.#progress, this.#table, step)
      const begun = await this.#write(async tx => {
        const seq = await tx.work.fence(lease.claim)
        if (seq !== this.#signalSeq || this.#stop.signal.aborted) return false
        if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
        await tx.work.saveStep(record)
        await tx.work.patch(deployment.instanceId, { table: step.table })
        await tx.deploys.updateDeployment(deployment.id, ['running'], {
          step: position,
          ...(Object.keys(progress).length > 0 ? { serviceProgress: progress } : {}),
          reason: reasonFor(step, now),
        })
        await tx.events.append({
          type: step.kind === 'pause' ? 'deploy.paused' : 'deploy.progress',
          tenantId: deployment.tenantId,
          instanceId: deployment.instanceId,
          deploymentId: deployment.id,
          releaseId: deployment.releaseId,
          data: {
            step: position + 1,
            ...(this.#plan.steps ? { steps: this.#plan.steps.length } : {}),
            name: step.name,
            kind: step.kind,
            table: step.table,
            ...(step.kind === 'pause' ? { gate: step.gate } : {}),
            ...(this.#plan.steps ? { percent: Math.floor((100 * position) / this.#plan.steps.length) } : {}),
          },
        })
        return true
      })
      if (begun) {
        this.#progress = progress
        break
      }
      await this.#stored(() => this.#hear())
      if (this.#unwound) throw new Unwinding(this.#unwound)
      this.#stop.signal.throwIfAborted()
    }
    this.#records.set(position, record)
    this.#unfinished = undefined
    parts.onCommit()
  }

  /** What became of the step. A finished one is committed with the beginning of the next, unless what it found must not be lost. */
  async #settle(position: number, step: Step, outcome: Outcome): Promise<void> {
    const { parts, lease } = this.#at
    const record = this.#records.get(position)
    if (!record) throw new SlipwayError('internal', `Step ${position} was never begun.`)
    if (outcome.kind === 'parked') return this.#park(outcome.wakeAt)
    const ended: StepRecord = {
      ...record,
      state: outcome.kind,
      endedAt: timestamp(parts.clock.now()),
      ...(outcome.note !== undefined ? { note: outcome.note } : {}),
    }
    this.#records.set(position, ended)
    this.#progress = lastTouch(this.#progress, this.#plan, position)
    this.#unfinished = ended
    if (step.kind !== 'hold' && step.kind !== 'pause' && step.kind !== 'task') return
    await this.#write(async tx => {
      await tx.work.fence(lease.claim)
      await tx.work.saveStep(ended)
      await tx.work.saveWatched(this.#run.deployment.id, 0)
    })
    this.#unfinished = undefined
  }

  /** Someone asked to pause: it takes effect here, between two steps. */
  async #pauseHere(pausedAt: number): Promise<never> {
    const { parts, lease, keeper } = this.#at
    const { deployment } = this.#run
    const deadlineMs = keeper.policies.pauseDeadlineMs ?? policyDefaults.pauseDeadlineMs
    if (parts.clock.now() >= pausedAt + deadlineMs) {
      throw new SlipwayError('pause_deadline', `Nobody resumed it within ${Math.round(deadlineMs / 1000)} s.`)
    }
    const since = timestamp(parts.clock.now())
    await this.#write(async tx => {
      await tx.work.fence(lease.claim)
      if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
      const fresh = await tx.work.run(deployment.id)
      // It may be here for the second time: the instance was healed while it waited.
      if (fresh?.deployment.reason?.code === 'paused') return
      const reason = { code: 'paused', text: 'paused; resume it to go on', since } as const
      await tx.deploys.updateDeployment(deployment.id, ['running'], { reason })
      await tx.events.append(eventOf('deploy.paused', deployment, { by: 'request' }))
    })
    this.#unfinished = undefined
    parts.onCommit()
    return this.#park(pausedAt + deadlineMs)
  }

  #park(wakeAt: number | null): never {
    this.#unwound = { kind: 'parked', wakeAt, signalSeq: this.#signalSeq }
    throw new Unwinding(this.#unwound)
  }

  /** Reads what the deployment was told since: it may be undone, ended or paused by now. */
  async #hear(): Promise<void> {
    const { parts, lease } = this.#at
    const id = this.#run.deployment.id
    const heard = await parts.store.transaction(async tx => ({
      seq: await tx.work.fence(lease.claim),
      run: await tx.work.run(id),
      signals: await tx.work.signals(id),
    }))
    this.#signalSeq = heard.seq
    const state: DeploymentState | undefined = heard.run?.deployment.state
    if (state !== 'running') this.#unwind({ kind: 'ended' })
    else if (heard.run?.undo) this.#unwind({ kind: 'undo' })
    const asked = heard.signals.findLast(signal => signal.kind === 'pause' || signal.kind === 'resume')
    this.#pausedAt = asked?.kind === 'pause' ? Date.parse(asked.at) : undefined
    this.#at.keeper.hint()
  }

  #unwind(to: Unwind): void {
    this.#unwound ??= to
    this.#stop.abort(new Unwinding(to))
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { parts, lease, keeper } = this.#at
    while (!signal.aborted && !this.#stop.signal.aborted) {
      try {
        const record = await parts.store.work.load(lease.claim.instanceId)
        if (record && record.signalSeq !== this.#signalSeq && this.#signalSeq >= 0) await this.#hear()
      } catch (error) {
        if (isSlipwayError(error, 'lease_lost')) lease.end(error)
        else parts.log.warn({ error: messageOf(error) }, 'signals could not be read')
      }
      await keeper.signalled(1000, signal)
    }
  }

  async #failed(error: unknown): Promise<Forward> {
    const { parts, lease } = this.#at
    const code = isSlipwayError(error) ? error.code : 'strategy_failed'
    const text = isSlipwayError(error)
      ? error.message
      : `The strategy "${this.#run.deployment.strategy}" threw: ${messageOf(error)}`
    const sentence = parts.mask(this.#run.deployment.instanceId, text)
    const evidence = isSlipwayError(error) ? evidenceOf(error) : []
    await parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
      const current = this.#records.get(this.#position - 1)
      if (current?.state === 'begun') {
        await tx.work.saveStep({ ...current, state: 'failed', endedAt: timestamp(parts.clock.now()), note: sentence })
      }
      await tx.work.saveUndo(this.#run.deployment.id, {
        end: 'failed',
        code,
        error: sentence,
        at: timestamp(parts.clock.now()),
        ...(evidence.length > 0 ? { evidence } : {}),
      })
    })
    return { kind: 'undo' }
  }
}

/** Probe answers and log lines that came with an error. */
function evidenceOf(error: SlipwayError): string[] {
  const lines = [error.details?.answers, error.details?.log].flatMap(list =>
    Array.isArray(list) ? list.map(String) : [],
  )
  return lines.slice(0, 40)
}

function exclusiveNames(plan: FrozenPlan): ReadonlySet<string> {
  return new Set([...plan.old, ...plan.next].filter(service => service.exclusive).map(service => service.name))
}
