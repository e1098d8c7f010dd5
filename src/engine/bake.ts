import type { CheckValue } from '../deploy/history.ts'
import type { FrozenPlan, Run } from '../deploy/run.ts'
import type { Row, Step } from '../deploy/step.ts'
import { isNew } from '../deploy/table.ts'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import { runCheck } from '../health/checks.ts'
import { Tally } from '../health/delta.ts'
import type { Judgement, Observed } from '../health/judge.ts'
import type { RevisionTraffic } from '../router/router.ts'
import type { EngineParts } from './context.ts'
import { readyOf } from './difference.ts'
import type { Keeper, View } from './keeper.ts'
import type { Outcome, Performance } from './perform.ts'
import { patienceMs } from './stillness.ts'
import { throwIfHopeless, watchProgress } from './watch.ts'

/** A wait longer than this gives the lease up, milliseconds. */
export const parkAfterMs = 30_000
/** How often a hold looks at its checks, milliseconds. */
const tickMs = 250

type Hold = Extract<Step, { kind: 'hold' }>

/** A hold in the hands of whoever owns the instance: short ones are waited for, long ones are parked and judged without a lease. */
export async function hold(step: Hold, on: Performance): Promise<Outcome> {
  const { plan, run, at, signal, watchedMs, position } = on
  if (nothingServed(plan)) {
    return { kind: 'skipped', note: 'nothing of the old release was ready: a fix does not wait for what is broken' }
  }
  if (step.seconds * 1000 - watchedMs > parkAfterMs) return { kind: 'parked', wakeAt: null }
  const save = (ms: number): Promise<void> => on.stored(() => at.parts.store.work.saveWatched(run.deployment.id, ms))
  const found = await bake(step, { plan, run, parts: at.parts, keeper: at.keeper, signal, watchedMs, position, save })
  return { kind: 'done', ...found }
}

/** Whether what a deployment replaces had no ready replica when it began. */
function nothingServed({ old, next, readyAtStart }: FrozenPlan): boolean {
  const kept = new Set(next.map(service => service.revision))
  const replaced = old.filter(service => !kept.has(service.revision))
  return replaced.length > 0 && replaced.every(service => (readyAtStart[service.revision] ?? 0) === 0)
}

/** What the checks of a hold found at its end. */
export interface Found {
  /** In sentences. */
  readonly note: string
  readonly checks: readonly CheckValue[]
}

/** What a hold is watched with; no lease is needed. */
export interface Baking {
  readonly plan: FrozenPlan
  readonly run: Run
  readonly parts: EngineParts
  readonly keeper: Keeper
  readonly signal: AbortSignal
  /** Time that was watched before, milliseconds. */
  readonly watchedMs: number
  /** The hold's place among the steps. */
  readonly position: number
  /** Keeps how long it was watched by now, milliseconds, for whoever takes it up after us. */
  readonly save: (watchedMs: number) => Promise<void>
  /** How often it is looked at. Default every 250 ms. */
  readonly tickMs?: () => number
}

/**
 * Watches a hold to its end: time counts only while the new replicas are ready, a failed check fails it at once. Resolves to what the
 * checks found last; throws `check_failed`, `crash_loop` or `progress_deadline`.
 */
export async function bake(step: Hold, on: Baking): Promise<Found> {
  const { parts, keeper, plan, signal } = on
  const { clock } = parts
  const watched = { parts, keeper, plan, patienceMs: patienceMs(step, plan, keeper) }
  let watch = watchProgress(watched)
  const tally = new Tally()
  let { watchedMs } = on
  let savedMs = watchedMs
  let last = clock.monotonic()
  for (;;) {
    const everyMs = Math.max(tickMs, on.tickMs?.() ?? tickMs)
    await keeper.attempt()
    const view = keeper.view()
    const now = clock.monotonic()
    const healthy = fresh(step, plan).every(row => readyOf(row, view) >= row.replicas)
    // A stall of ours is not time in which anybody watched.
    if (healthy) {
      watchedMs += Math.min(now - last, 4 * everyMs)
      watch = watchProgress(watched)
    } else stuck(view, on, watch)
    last = now
    const counted = await trafficNow(step, on)
    if (counted) tally.look(counted)
    const verdicts = counted ? await judged(step, tally, on) : [unanswered]
    const checks = valuesOf(verdicts, text => parts.mask(keeper.instanceId, text))
    parts.onlooker?.judged(on.run.deployment.id, on.position, checks)
    const failed = verdicts.find(verdict => verdict.verdict === 'fail')
    if (failed)
      throw new SlipwayError('check_failed', `A check failed: ${failed.text.replace(/\.$/u, '')}.`, {
        details: { value: failed.value, threshold: failed.threshold, checks },
      })
    const waiting = verdicts.some(verdict => verdict.verdict === 'wait')
    if (watchedMs >= step.seconds * 1000 && healthy && !waiting) {
      return { note: checks.map(({ text }) => text).join('; '), checks }
    }
    if (watchedMs - savedMs >= 5000) {
      await on.save(Math.round(watchedMs))
      savedMs = watchedMs
    }
    const leftMs = healthy && !waiting ? Math.max(1, step.seconds * 1000 - watchedMs) : everyMs
    await keeper.changed(Math.min(everyMs, leftMs), signal)
    signal.throwIfAborted()
  }
}

function stuck(view: View, { parts, keeper, plan }: Baking, watch: (view: View) => void): void {
  for (const row of fresh({ table: view.table }, plan)) throwIfHopeless(row, { parts, keeper })
  watch(view)
}

/** The rows that the deployment brings. */
function fresh(step: Pick<Step, 'table'>, plan: FrozenPlan): Row[] {
  return step.table.filter(row => isNew(row, plan))
}

/** What was found, as it may be told: the answer of a URL or of somebody's function can hold a secret. */
function valuesOf(verdicts: readonly Judgement[], mask: (text: string) => string): CheckValue[] {
  return verdicts.map(({ verdict, text, value, threshold, measure, service, samples }, check) => ({
    check,
    verdict,
    text: mask(text),
    ...(value !== undefined && Number.isFinite(value) ? { value } : {}),
    ...(threshold === undefined ? {} : { threshold }),
    ...(measure === undefined ? {} : { measure }),
    ...(service === undefined ? {} : { service }),
    ...(samples === undefined ? {} : { samples }),
  }))
}

const unanswered: Judgement = { verdict: 'wait', text: 'The router does not answer, so the check goes on.' }

/** What the router has counted; undefined while it does not answer, which is no fault of the new release. */
async function trafficNow({ checks }: Hold, { parts, keeper, signal }: Baking): Promise<RevisionTraffic[] | undefined> {
  if (checks.length === 0) return []
  try {
    return await parts.router.traffic(keeper.instanceId, signal)
  } catch (error) {
    if (isSlipwayError(error, 'unavailable')) return undefined
    throw error
  }
}

async function judged(step: Hold, tally: Tally, on: Baking): Promise<Judgement[]> {
  const { tenantId, instanceId, id } = on.run.deployment
  const traffic = observedTraffic(step, tally, on.plan)
  const context = { tenantId, instanceId, deploymentId: id, traffic, signal: on.signal }
  const verdicts: Judgement[] = []
  for (const check of step.checks) verdicts.push(await runCheck(check, context, on.parts.checks))
  return verdicts
}

/** What the new and the old revision of every service at a partial share got since the hold began. */
function observedTraffic(step: Hold, tally: Tally, plan: FrozenPlan): Record<string, Observed> {
  const partial = fresh(step, plan).filter(row => row.weight > 0 && row.weight < 100)
  return Object.fromEntries(
    partial.map(row => {
      const since = (revision: string): Observed['new'] => tally.of(row.service, revision)
      const old = step.table.find(
        other => other.service === row.service && other.revision !== row.revision && other.weight > 0,
      )
      return [row.service, { new: since(row.revision), ...(old ? { old: since(old.revision) } : {}) }]
    }),
  )
}
