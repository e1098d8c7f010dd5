import { timestamp } from '../clock.ts'
import type { CheckValue } from '../deploy/history.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { bake, type Found } from './bake.ts'
import { checkedEvent, valuesIn } from './checked.ts'
import type { EngineParts } from './context.ts'
import type { Keeper } from './keeper.ts'
import { tellStepEnd } from './progress.ts'

/** What a hold can find against a release; anything else is no verdict. */
const judgements: ReadonlySet<string> = new Set([
  'check_failed',
  'crash_loop',
  'progress_deadline',
  'image_gone',
  'image_unavailable',
  'unrestorable',
])

/** How a hold came out: it passed, or this is the cause of the way back. */
type Verdict = Found | { readonly code: string; readonly cause: string; readonly checks: readonly CheckValue[] }

/** How many holds are looked at in a second at most: with more of them each is looked at less often. */
const looksPerSecond = 400

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
    const done = this.#judge(light(run, run.plan), record, keeper, abort.signal).finally(() =>
      this.#baking.delete(instanceId),
    )
    this.#baking.set(instanceId, { abort, done })
  }

  /** Whether the hold of this instance's deployment is being judged. */
  has(instanceId: string): boolean {
    return this.#baking.has(instanceId)
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
    const { log, mask } = this.#parts
    const { id, instanceId } = run.deployment
    let verdict: Verdict
    try {
      const tickMs = (): number => (1000 * this.#baking.size) / looksPerSecond
      const save = (ms: number): Promise<void> => this.#parts.store.work.saveWatched(id, ms)
      const { plan, watchedMs } = run
      const baking = {
        plan,
        run,
        parts: this.#parts,
        keeper,
        signal,
        watchedMs,
        position: record.position,
        save,
        tickMs,
      }
      verdict = await bake(step, baking)
    } catch (error) {
      if (signal.aborted) return
      if (!isSlipwayError(error) || !judgements.has(error.code)) {
        log.warn(
          { deployment: id, error: mask(instanceId, messageOf(error)) },
          'a hold could not be judged; it is taken up again',
        )
        return
      }
      verdict = { code: error.code, cause: mask(instanceId, error.message), checks: valuesIn(error) }
    }
    try {
      await this.#write(verdict, run, record)
      keeper.tell()
    } catch (error) {
      log.warn(
        { deployment: id, error: messageOf(error) },
        'a verdict could not be written; the hold is taken up again',
      )
    }
  }

  async #write(verdict: Verdict, run: Run, record: StepRecord): Promise<void> {
    const { store, clock, observer, onCommit } = this.#parts
    const { id, instanceId } = run.deployment
    const ended = await store.transaction(async (tx): Promise<StepRecord | undefined> => {
      const fresh = await tx.work.run(id)
      if (fresh?.deployment.state !== 'running' || fresh.undo) return undefined
      // No lease fences this: somebody may have claimed the instance meanwhile, and judged it.
      const records = await tx.work.steps(id)
      const now = records.find(({ phase, position }) => phase === record.phase && position === record.position)
      if (now?.state !== 'begun') return undefined
      const at = timestamp(clock.now())
      const told = { deploymentId: id, instanceId, by: 'slipway' }
      const checked = checkedEvent(run.deployment, record, verdict.checks)
      if (checked) await tx.events.append(checked)
      if ('note' in verdict) {
        const { note } = verdict
        const passed: StepRecord = { ...record, state: 'done', endedAt: at, ...(note === '' ? {} : { note }) }
        await tx.work.saveStep(passed)
        await tx.work.saveWatched(id, 0)
        await tx.work.signal({ ...told, kind: 'hold_passed' })
        return passed
      }
      const { code, cause } = verdict
      const failed: StepRecord = { ...record, state: 'failed', endedAt: at, note: cause }
      await tx.work.saveStep(failed)
      await tx.work.saveUndo(id, { end: 'failed', code, error: cause, at })
      await tx.work.signal({ ...told, kind: 'check_failed', cause })
      return failed
    })
    if (!ended) return
    onCommit()
    tellStepEnd(ended, run.deployment, observer)
  }
}

/** A run without what no hold looks at: thousands of them wait for hours. */
function light(run: Run, plan: FrozenPlan): Run {
  const { undoSteps, ...kept } = run
  void undoSteps // nothing is undone while it waits
  return { ...kept, plan: { ...plan, steps: [], specs: {}, options: {} } }
}
