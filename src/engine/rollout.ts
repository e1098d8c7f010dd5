import { timestamp } from '../clock.ts'
import type { ServiceProgress } from '../deploy/deployment.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Step, Table } from '../deploy/step.ts'
import type { StrategyParams } from '../deploy/strategy.ts'
import { checkStep } from '../deploy/table.ts'
import { isShortage, isSlipwayError, SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import type { Attendance } from './context.ts'
import { Ear } from './ear.ts'
import { execute } from './execute.ts'
import { Ledger } from './ledger.ts'
import { makeTrue } from './perform.ts'
import { stepDigest } from './progress.ts'
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
  readonly #ledger: Ledger
  readonly #ear: Ear
  #position = 0
  #table: Table
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
    this.#ledger = new Ledger(run, plan, at)
    this.#ear = new Ear(run.deployment.id, at, kind => this.#unwind({ kind }))
  }

  async carry(): Promise<Forward> {
    const { parts, lease, keeper } = this.#at
    await this.#ledger.open()
    const onLost = (): void => this.#stop.abort(lease.signal.reason)
    lease.signal.addEventListener('abort', onLost, { once: true })
    const listener = this.#ear.listen(this.#stop.signal)
    try {
      await this.#stored(() => this.#ear.hear())
      if (this.#unwound) return this.#unwound
      const strategy = parts.strategies.get(this.#run.deployment.strategy)
      if (!strategy)
        throw new SlipwayError(
          'unknown_strategy',
          `The strategy "${this.#run.deployment.strategy}" is not registered any more.`,
        )
      await execute(strategy, this.#params(), parts.clock)
      if (this.#unwound) return this.#unwound
      this.#throwIfLost()
      if (this.#interrupted) throw this.#interrupted.error
      if (this.#broken) throw this.#broken.error
      checkReached(this.#plan, this.#table)
      if (this.#run.deployment.kind === 'delete') await this.#emptied()
      const { unfinished: last, progress } = this.#ledger
      return { kind: 'done', last, progress, signalSeq: this.#ear.signalSeq }
    } catch (error) {
      if (this.#unwound) return this.#unwound
      this.#throwIfLost()
      if (this.#interrupted) throw this.#interrupted.error
      // Neither is a fault of the deployment, which is taken up again where it was: by its next owner, or when there is room.
      if (isSlipwayError(error, 'lease_lost') || isShortage(error)) throw error
      // What somebody released at the last moment is taken up again, and finds that it may go on.
      return { kind: (await this.#ledger.fail(this.#position - 1, error)) ? 'undo' : 'ended' }
    } finally {
      lease.signal.removeEventListener('abort', onLost)
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
      onProgress: (phase, percent, message) => this.#ledger.say({ phase, percent, message }, this.#stop.signal),
      onServiceProgress: (service, state) => this.#ledger.sayOf(service, state, this.#stop.signal),
    }
  }

  async #perform(step: Step): Promise<void> {
    if (this.#unwound) throw new Unwinding(this.#unwound)
    this.#stop.signal.throwIfAborted()
    if (this.#broken) throw this.#broken.error
    const position = this.#position++
    const digest = stepDigest(step)
    const before = this.#ledger.entry(position)
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
    if (outcome.kind === 'parked') return this.#park(outcome.wakeAt)
    const record = this.#ledger.entry(position)
    if (!record) throw new SlipwayError('internal', `Step ${position} was never begun.`)
    await this.#stored(() => this.#ledger.end(record, outcome))
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
    const deploymentId = this.#run.deployment.id
    const beganAt = timestamp(this.#at.parts.clock.now())
    const record: StepRecord = { deploymentId, phase: 'forward', position, digest, step, state: 'begun', beganAt }
    const stale = (seq: number): boolean => seq !== this.#ear.signalSeq || this.#stop.signal.aborted
    for (;;) {
      if (this.#ear.pausedAt !== undefined) await this.#pauseHere(this.#ear.pausedAt)
      if (await this.#stored(() => this.#ledger.begin(record, this.#table, stale))) return
      await this.#stored(() => this.#ear.hear())
      if (this.#unwound) throw new Unwinding(this.#unwound)
      this.#stop.signal.throwIfAborted()
    }
  }

  /** Someone asked to pause: it takes effect here, between two steps. */
  async #pauseHere(pausedAt: number): Promise<never> {
    const { parts, keeper } = this.#at
    const deadlineMs = keeper.policies.pauseDeadlineMs ?? policyDefaults.pauseDeadlineMs
    if (parts.clock.now() >= pausedAt + deadlineMs) {
      throw new SlipwayError('pause_deadline', `Nobody resumed it within ${Math.round(deadlineMs / 1000)} s.`)
    }
    await this.#stored(() => this.#ledger.pause())
    return this.#park(pausedAt + deadlineMs)
  }

  #park(wakeAt: number | null): never {
    this.#unwound = { kind: 'parked', wakeAt, signalSeq: this.#ear.signalSeq }
    throw new Unwinding(this.#unwound)
  }

  #unwind(to: Unwind): void {
    this.#unwound ??= to
    this.#stop.abort(new Unwinding(to))
  }
}

function exclusiveNames(plan: FrozenPlan): ReadonlySet<string> {
  return new Set([...plan.old, ...plan.next].filter(service => service.exclusive).map(service => service.name))
}
