import { type Timestamp, timestamp } from '../clock.ts'
import type { CheckValue } from '../deploy/history.ts'
import type { FrozenPlan, Run, StepRecord } from '../deploy/run.ts'
import type { Row, Step } from '../deploy/step.ts'
import type { Stores } from '../deploy/work.ts'
import { isPassing, SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import { taskOf } from '../instance/service.ts'
import { hold } from './bake.ts'
import type { Attendance } from './context.ts'
import { readyOf, rowKey } from './difference.ts'
import type { View } from './keeper.ts'
import { patienceMs } from './stillness.ts'
import { quoted, watchProgress } from './watch.ts'

/** What a step is performed with. */
export interface Performance {
  readonly run: Run
  readonly plan: FrozenPlan
  readonly at: Attendance
  readonly signal: AbortSignal
  /** Asks the store. When that fails it fails no step: the deployment is taken up again where it was. */
  readonly stored: <T>(ask: () => Promise<T>) => Promise<T>
  readonly position: number
  /** Time of this step that was watched before, milliseconds: it goes on from there. */
  readonly watchedMs: number
}

/** What became of a step: true, left out for a reason, or waiting without a lease. */
export type Outcome =
  | {
      readonly kind: 'done' | 'skipped'
      readonly note?: string
      readonly runningAt?: Timestamp
      /** What the checks of a hold found. */
      readonly checks?: readonly CheckValue[]
      /** A pause that somebody promoted, who told of its end. */
      readonly promoted?: true
    }
  | { readonly kind: 'parked'; readonly wakeAt: number | null }

const done: Outcome = { kind: 'done' }

/** How soon a platform that does not answer is asked again, milliseconds. */
const retryMs = 500

/** How often a task is begun that may be run again, before it counts as failed. */
const taskAttempts = 3

/** Makes a step true and waits until it is. Its table is wanted already. */
export async function makeTrue(step: Step, on: Performance): Promise<Outcome> {
  const { keeper } = on.at
  const watch = watchProgress({ ...on.at, plan: on.plan, patienceMs: patienceMs(step, on.plan, keeper) })
  switch (step.kind) {
    case 'prepare':
      return await prepare(step, on)
    case 'task':
      return await task(step, on)
    case 'run':
      return await run(step, on)
    case 'route':
    case 'retire':
      return await keeper.until(view => {
        if (isTrue(step, view)) return done
        watch(view)
        return undefined
      }, on.signal)
    case 'hold':
      return await hold(step, on)
    case 'pause':
      return await pause(step, on)
  }
}

/** Waits until the replicas are ready, and notes when all of them had been started: from then on only health is waited for. */
async function run(step: Extract<Step, { kind: 'run' }>, on: Performance): Promise<Outcome> {
  const { keeper, parts } = on.at
  const watch = watchProgress({ ...on.at, plan: on.plan, patienceMs: patienceMs(step, on.plan, keeper) })
  let runningAt: Timestamp | undefined
  return await keeper.until((view): Outcome | undefined => {
    if (runningAt === undefined && areRunning(step, view)) runningAt = timestamp(parts.clock.now())
    if (isTrue(step, view)) return { kind: 'done', ...(runningAt === undefined ? {} : { runningAt }) }
    watch(view)
    return undefined
  }, on.signal)
}

function areRunning(step: Extract<Step, { kind: 'run' }>, view: View): boolean {
  const running = view.replicas.filter(({ replica }) => rowKey(replica) === rowKey(step) && replica.state === 'running')
  return view.observed && running.length >= step.replicas
}

function isTrue(step: Extract<Step, { kind: 'run' | 'route' | 'retire' }>, view: View): boolean {
  switch (step.kind) {
    case 'run': {
      const row = rowOf(step.table, step)
      return !row || (view.observed && readyOf(row, view) >= row.replicas)
    }
    case 'route':
      return view.weightsReached && view.table === step.table
    case 'retire': {
      const left = view.replicas.filter(({ replica }) => rowKey(replica) === rowKey(step)).length
      return left <= step.replicas && view.observed && (step.replicas > 0 || view.weightsReached)
    }
  }
}

/** Asks the platform again while it does not answer, or has no room: an outage fails a step only when it lasts longer than a step may stand still. */
async function whileAway<T>(on: Performance, step: Step, ask: () => Promise<T>): Promise<T> {
  const { clock } = on.at.parts
  const until = clock.monotonic() + patienceMs(step, on.plan, on.at.keeper)
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isPassing(error) || clock.monotonic() >= until) throw error
      await on.at.keeper.changed(retryMs, on.signal)
      on.signal.throwIfAborted()
    }
  }
}

async function prepare(step: Extract<Step, { kind: 'prepare' }>, on: Performance): Promise<Outcome> {
  const { at, plan, signal, run } = on
  const { parts, keeper } = at
  const { record } = keeper
  const provider = parts.providers.get(keeper.providerName)
  await Promise.all(
    step.revisions.map(async ({ service, revision }) => {
      const planned = plan.next.find(candidate => candidate.name === service)
      const release = planned?.release ?? run.deployment.releaseId
      await whileAway(on, step, async () => {
        const spec = await parts.revisions.specFor(record, { service, revision, release }, plan.specs)
        await provider.prepare(spec, () => void 0 /* percentages of a fetch are not kept */, signal)
      })
    }),
  )
  return done
}

async function task(step: Extract<Step, { kind: 'task' }>, on: Performance): Promise<Outcome> {
  const { at, plan, run, signal } = on
  const { parts, keeper, lease } = at
  const planned = plan.next.find(candidate => candidate.name === step.service)
  const spec = planned && plan.specs[planned.release]?.find(candidate => candidate.name === step.service)
  const before = spec && taskOf(spec)
  if (!planned || !before) return { kind: 'skipped', note: 'there is no command to run' }
  const revision = await whileAway(on, step, () =>
    parts.revisions.specFor(keeper.record, { ...step, release: planned.release }, plan.specs),
  )
  const provider = parts.providers.get(keeper.providerName)
  // A cancel ends the wait, not the command: half a migration is worse than one that nobody waits for.
  const fence = { ...lease.fence, signal: AbortSignal.any([lease.signal, signal]) }
  const named = `The task before ${step.service} (${before.command.join(' ')})`
  for (let attempt = 1; ; attempt++) {
    // A name is run once, whoever asks for it: after a crash the attempts before tell again how they ended.
    const name = `${run.deployment.id}.${step.service}${attempt === 1 ? '' : `.${attempt}`}`
    const result = await whileAway(on, step, () => provider.runTask(revision, before.command, name, fence))
    const lines = result.output.slice(-20).map(line => parts.mask(keeper.instanceId, line))
    const details = { log: lines }
    if (result.interrupted) {
      if (before.rerun && attempt < taskAttempts) continue
      throw interrupted(named, before.rerun, lines)
    }
    if (result.exitCode === 0) return { kind: 'done', note: lines.join('\n') }
    throw new SlipwayError('task_failed', `${named} ended with ${result.exitCode}${quoted(lines.at(-1))}.`, { details })
  }
}

function interrupted(named: string, rerun: boolean, log: readonly string[]): SlipwayError {
  const why = rerun
    ? `was interrupted ${taskAttempts} times`
    : 'was interrupted and is not run again, because nobody said that it may be'
  return new SlipwayError('task_interrupted', `${named} ${why}${quoted(log.at(-1))}.`, {
    next: rerun
      ? 'Find out what ends it, and deploy again.'
      : 'See what it left half done, and deploy again; `before: { command, rerun: true }` lets it be run again by itself.',
    details: { log },
  })
}

async function pause(step: Extract<Step, { kind: 'pause' }>, on: Performance): Promise<Outcome> {
  const { parts, keeper } = on.at
  on.signal.throwIfAborted()
  const now = parts.clock.now()
  const record = await on.stored(() => begunBy(now, on))
  if (record && record.state !== 'begun')
    return { kind: 'done', promoted: true, ...(record.note !== undefined ? { note: record.note } : {}) }
  const beganAt = record ? Date.parse(record.beganAt) : now
  if (step.seconds !== undefined) {
    const goesOnAt = beganAt + step.seconds * 1000
    return now >= goesOnAt ? { kind: 'done', note: 'went on by itself' } : { kind: 'parked', wakeAt: goesOnAt }
  }
  const deadlineMs = keeper.policies.pauseDeadlineMs ?? policyDefaults.pauseDeadlineMs
  if (now >= beganAt + deadlineMs) {
    throw new SlipwayError(
      'pause_deadline',
      `Nobody promoted "${step.gate}" within ${Math.round(deadlineMs / 1000)} s.`,
    )
  }
  return { kind: 'parked', wakeAt: beganAt + deadlineMs }
}

/**
 * The step as it is recorded now. One that began in the future, because the clock was set back since, begins now: it waits for as long as
 * was asked, and not until the clock has caught up.
 */
async function begunBy(now: number, { at, run, position }: Performance): Promise<StepRecord | undefined> {
  const { store } = at.parts
  const read = async (from: Pick<Stores, 'work'>): Promise<StepRecord | undefined> =>
    (await from.work.steps(run.deployment.id)).find(
      candidate => candidate.phase === 'forward' && candidate.position === position,
    )
  const waits = (record: StepRecord | undefined): record is StepRecord =>
    record?.state === 'begun' && Date.parse(record.beganAt) > now
  const record = await read(store)
  if (!waits(record)) return record
  return await store.transaction(async tx => {
    await tx.work.fence(at.lease.claim)
    // Somebody may have promoted it since.
    const fresh = await read(tx)
    if (!waits(fresh)) return fresh
    const begun = { ...fresh, beganAt: timestamp(now) }
    await tx.work.saveStep(begun)
    return begun
  })
}

function rowOf(table: Step['table'], of: { service: string; revision: string }): Row | undefined {
  return table.find(row => row.service === of.service && row.revision === of.revision)
}
