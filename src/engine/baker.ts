import { timestamp } from '../clock.ts'
import type { Run, StepRecord } from '../deploy/run.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { bake } from './bake.ts'
import type { EngineParts } from './context.ts'
import type { Keeper } from './keeper.ts'

/** Judges the checks of holds that wait without a lease, and wakes their deployments when they have passed or failed. */
export class Baker {
  readonly #parts: EngineParts
  readonly #baking = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>()

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /** Takes up the hold that this instance's deployment waits in, if it does. */
  async join(instanceId: string, keeper: Keeper): Promise<void> {
    if (this.#baking.has(instanceId)) return
    const [run] = await this.#parts.store.work.queue(instanceId)
    if (run?.deployment.state !== 'running' || run.undo || !run.plan) return
    const records = await this.#parts.store.work.steps(run.deployment.id)
    const record = records.findLast(candidate => candidate.phase === 'forward')
    if (record?.state !== 'begun' || record.step.kind !== 'hold') return
    const abort = new AbortController()
    const done = this.#judge(run, record, keeper, abort.signal).finally(() => this.#baking.delete(instanceId))
    this.#baking.set(instanceId, { abort, done })
  }

  /** Somebody owns the instance now: they watch. */
  async leave(instanceId: string): Promise<void> {
    const baking = this.#baking.get(instanceId)
    baking?.abort.abort()
    await baking?.done
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#baking.keys()].map(id => this.leave(id)))
  }

  async #judge(run: Run, record: StepRecord, keeper: Keeper, signal: AbortSignal): Promise<void> {
    const { step } = record
    if (step.kind !== 'hold' || !run.plan) return
    const { store, clock, log, mask } = this.#parts
    const { id, instanceId } = run.deployment
    try {
      const note = await bake(step, {
        plan: run.plan,
        run,
        parts: this.#parts,
        keeper,
        signal,
        watchedMs: run.watchedMs,
      })
      await store.transaction(async tx => {
        const fresh = await tx.work.run(id)
        if (fresh?.deployment.state !== 'running' || fresh.undo) return
        await tx.work.saveStep({ ...record, state: 'done', endedAt: timestamp(clock.now()), note })
        await tx.work.saveWatched(id, 0)
        await tx.work.signal({ deploymentId: id, instanceId, kind: 'hold_passed', by: 'slipway' })
      })
      keeper.tell()
    } catch (error) {
      if (signal.aborted) return
      if (!isSlipwayError(error) || error.code === 'unavailable') {
        log.warn({ deployment: id, error: messageOf(error) }, 'a hold could not be judged; it is taken up again')
        return
      }
      const sentence = mask(instanceId, error.message)
      await store.transaction(async tx => {
        const fresh = await tx.work.run(id)
        if (fresh?.deployment.state !== 'running') return
        const at = timestamp(clock.now())
        await tx.work.saveStep({ ...record, state: 'failed', endedAt: at, note: sentence })
        await tx.work.saveUndo(id, { end: 'failed', code: error.code, error: sentence, at })
        await tx.work.signal({ deploymentId: id, instanceId, kind: 'check_failed', by: 'slipway', cause: sentence })
      })
      keeper.tell()
    }
  }
}
