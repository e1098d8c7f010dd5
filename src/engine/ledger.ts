import { type Clock, timestamp } from '../clock.ts'
import type { ServiceProgress } from '../deploy/deployment.ts'
import { eventOf } from '../deploy/end.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Table } from '../deploy/step.ts'
import type { Stores } from '../deploy/work.ts'
import { isSlipwayError, messageOf, type SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import { checkedEvent, valuesIn } from './checked.ts'
import type { Attendance } from './context.ts'
import type { Outcome } from './perform.ts'
import { lastTouch, progressOf, reasonFor, tellStepEnd } from './progress.ts'

/** What is recorded of the way forward: its steps, and how far each service is. Nothing is written once the lease is lost. */
export class Ledger {
  readonly #run: Run
  readonly #plan: FrozenPlan
  readonly #at: Attendance
  #records = new Map<number, StepRecord>()
  #progress: Record<string, ServiceProgress>
  #unfinished: StepRecord | undefined
  #begunAny = false

  constructor(run: Run, plan: FrozenPlan, at: Attendance) {
    this.#run = run
    this.#plan = plan
    this.#at = at
    this.#progress = { ...run.deployment.serviceProgress }
  }

  /** Reads what was recorded before: under an earlier lease, or before a pause. */
  async open(): Promise<void> {
    const records = await this.#at.parts.store.work.steps(this.#run.deployment.id)
    this.#records = new Map(
      records.filter(record => record.phase === 'forward').map(record => [record.position, record]),
    )
  }

  /** What is recorded of the step at this position. */
  entry(position: number): StepRecord | undefined {
    return this.#records.get(position)
  }

  /** How far each service is. */
  get progress(): Record<string, ServiceProgress> {
    return this.#progress
  }

  /** A step that is over, and is to be recorded with whatever comes next. */
  get unfinished(): StepRecord | undefined {
    return this.#unfinished
  }

  /** Records that a step has begun and its table is wanted, unless `stale` says of the last signal that it was not heard yet. */
  async begin(record: StepRecord, before: Table, stale: (signalSeq: number) => boolean): Promise<boolean> {
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const { position, step } = record
    const progress = progressOf(this.#progress, before, step)
    const begun = await parts.store.transaction(async tx => {
      if (stale(await tx.work.fence(lease.claim))) return false
      if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
      await tx.work.saveStep(record)
      await tx.work.patch(deployment.instanceId, { table: step.table })
      await tx.deploys.updateDeployment(deployment.id, ['running'], {
        step: position,
        ...(Object.keys(progress).length > 0 ? { serviceProgress: progress } : {}),
        reason: reasonFor(step, record.beganAt),
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
    if (!begun) return false
    this.#tellResumed()
    this.#progress = progress
    this.#records.set(position, record)
    this.#written()
    parts.onCommit()
    return true
  }

  /** What became of a step. A finished one is committed with the beginning of the next, unless what it found must not be lost. */
  async end(record: StepRecord, outcome: Exclude<Outcome, { kind: 'parked' }>): Promise<void> {
    const { parts, lease } = this.#at
    const { position, step } = record
    const ended: StepRecord = {
      ...record,
      state: outcome.kind,
      endedAt: timestamp(parts.clock.now()),
      // A hold without checks and a task without a word met nothing.
      ...(outcome.note !== undefined && outcome.note !== '' ? { note: outcome.note } : {}),
      ...(outcome.runningAt !== undefined ? { runningAt: outcome.runningAt } : {}),
    }
    this.#records.set(position, ended)
    this.#progress = lastTouch(this.#progress, this.#plan, position)
    this.#unfinished = ended
    if (step.kind !== 'hold' && step.kind !== 'pause' && step.kind !== 'task') return
    const checked = checkedEvent(this.#run.deployment, ended, outcome.checks)
    await parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      await tx.work.saveStep(ended)
      await tx.work.saveWatched(this.#run.deployment.id, 0)
      if (checked) await tx.events.append(checked)
    })
    if (checked) parts.onCommit()
    if (outcome.promoted) this.#unfinished = undefined
    else this.#written()
  }

  /** Someone asked to pause, and it waits from now on. */
  async pause(): Promise<void> {
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const since = timestamp(parts.clock.now())
    await parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
      const fresh = await tx.work.run(deployment.id)
      // It may be here for the second time: the instance was healed while it waited.
      if (fresh?.deployment.reason?.code === 'paused') return
      const reason = { code: 'paused', text: 'paused; resume it to go on', since } as const
      await tx.deploys.updateDeployment(deployment.id, ['running'], { reason })
      await tx.events.append(eventOf('deploy.paused', deployment, { by: 'request' }))
    })
    this.#written()
    parts.onCommit()
  }

  /** What a strategy says of a service that the deployment changes. */
  sayOf(service: string, state: ServiceProgress, over: AbortSignal): void {
    if (!Object.hasOwn(this.#progress, service)) return
    this.#progress[service] = state
    this.say({ service, state }, over)
  }

  /** What a strategy says about itself is told to those who watch, unless the rollout is over by then. */
  say(data: Readonly<Record<string, unknown>>, over: AbortSignal): void {
    if (over.aborted) return
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const write = parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      if (over.aborted) return
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

  /**
   * It failed in the step at this position, and is to be undone. Resolves to false when it ran out of time while it waited for somebody who
   * has answered since: whoever was told that it goes on was told the truth.
   */
  async fail(position: number, error: unknown): Promise<boolean> {
    const { parts, lease } = this.#at
    const { deployment } = this.#run
    const code = isSlipwayError(error) ? error.code : 'strategy_failed'
    const text = isSlipwayError(error)
      ? error.message
      : `The strategy "${deployment.strategy}" threw: ${messageOf(error)}`
    const sentence = parts.mask(deployment.instanceId, text)
    const evidence = isSlipwayError(error) ? evidenceOf(error) : []
    const current = this.#records.get(position)
    const endedAt = timestamp(parts.clock.now())
    const failed = await parts.store.transaction(async tx => {
      await tx.work.fence(lease.claim)
      if (code === 'pause_deadline' && !(await this.#waitsOn(position, tx))) return false
      if (this.#unfinished) await tx.work.saveStep(this.#unfinished)
      if (current?.state === 'begun') {
        await tx.work.saveStep({ ...current, state: 'failed', endedAt, note: sentence })
        const checked = checkedEvent(deployment, current, valuesIn(error))
        if (checked) await tx.events.append(checked)
      }
      await tx.work.saveUndo(deployment.id, {
        end: 'failed',
        code,
        error: sentence,
        at: timestamp(parts.clock.now()),
        ...(evidence.length > 0 ? { evidence } : {}),
      })
      return true
    })
    if (!failed) return false
    this.#written()
    if (current?.state === 'begun') tellStepEnd({ ...current, state: 'failed', endedAt }, deployment, parts.observer)
    return true
  }

  /** What was unfinished is on disk: only now it counts, for what can't be written is performed again. */
  #written(): void {
    if (this.#unfinished) tellStepEnd(this.#unfinished, this.#run.deployment, this.#at.parts.observer)
    this.#unfinished = undefined
  }

  /** The first step after a pause that someone asked for tells how long that was. */
  #tellResumed(): void {
    const { observer, clock } = this.#at.parts
    const { reason } = this.#run.deployment
    if (this.#begunAny) return
    this.#begunAny = true
    if (reason?.code === 'paused') observer?.resumed(secondsSince(reason.since, clock))
  }

  /** Whether nobody has promoted the pause at this position, or resumed the one that was asked for before it, by now. */
  async #waitsOn(position: number, tx: Stores): Promise<boolean> {
    const { parts, keeper } = this.#at
    const { id } = this.#run.deployment
    const steps = await tx.work.steps(id)
    const record = steps.find(step => step.phase === 'forward' && step.position === position)
    if (record) return record.state === 'begun'
    const asked = (await tx.work.signals(id)).findLast(({ kind }) => kind === 'pause' || kind === 'resume')
    const deadlineMs = keeper.policies.pauseDeadlineMs ?? policyDefaults.pauseDeadlineMs
    return asked?.kind === 'pause' && Date.parse(asked.at) + deadlineMs <= parts.clock.now()
  }
}

/** Wall time since then, as it outlives the process that wrote it; none when the clock was set back. */
function secondsSince(then: string, { now }: Pick<Clock, 'now'>): number {
  return Math.max(0, (now() - Date.parse(then)) / 1000)
}

/** Probe answers and log lines that came with an error. */
function evidenceOf(error: SlipwayError): string[] {
  const lines = [error.details?.answers, error.details?.log].flatMap(list =>
    Array.isArray(list) ? list.map(String) : [],
  )
  return lines.slice(0, 40)
}
