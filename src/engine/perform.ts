import { shortRevision } from '../deploy/revision.ts'
import type { FrozenPlan, Run } from '../deploy/run.ts'
import type { Row, Step } from '../deploy/step.ts'
import { SlipwayError } from '../errors.ts'
import { policyDefaults } from '../instance/instance.ts'
import { hold } from './bake.ts'
import type { Attendance } from './context.ts'
import { crashLoopExits } from './crashes.ts'
import { livingOf, readyOf, rowKey } from './difference.ts'
import type { View } from './keeper.ts'

/** What a step is performed with. */
export interface Performance {
  readonly run: Run
  readonly plan: FrozenPlan
  readonly at: Attendance
  readonly signal: AbortSignal
  readonly position: number
  /** Time of this step that was watched before, milliseconds: it goes on from there. */
  readonly watchedMs: number
}

/** What became of a step: true, left out for a reason, or waiting without a lease. */
export type Outcome =
  | { readonly kind: 'done' | 'skipped'; readonly note?: string }
  | { readonly kind: 'parked'; readonly wakeAt: number | null }

const done: Outcome = { kind: 'done' }

/** Makes a step true and waits until it is. Its table is wanted already. */
export async function makeTrue(step: Step, on: Performance): Promise<Outcome> {
  const { keeper } = on.at
  switch (step.kind) {
    case 'prepare':
      return await prepare(step, on)
    case 'task':
      return await task(step, on)
    case 'run': {
      const watch = watchProgress({ ...on.at, plan: on.plan })
      await keeper.until(view => {
        const row = rowOf(step.table, step)
        if (!row || (view.observed && readyOf(row, view) >= row.replicas)) return done
        watch(view)
        return undefined
      }, on.signal)
      return done
    }
    case 'route': {
      const watch = watchProgress({ ...on.at, plan: on.plan })
      await keeper.until(view => {
        if (view.weightsReached && view.table === step.table) return done
        watch(view)
        return undefined
      }, on.signal)
      return done
    }
    case 'retire': {
      const watch = watchProgress({ ...on.at, plan: on.plan })
      await keeper.until(view => {
        const left = view.replicas.filter(({ replica }) => rowKey(replica) === rowKey(step)).length
        if (left <= step.replicas && view.observed && (step.replicas > 0 || view.weightsReached)) return done
        watch(view)
        return undefined
      }, on.signal)
      return done
    }
    case 'hold':
      return await hold(step, on)
    case 'pause':
      return await pause(step, on)
  }
}

async function prepare(
  step: Extract<Step, { kind: 'prepare' }>,
  { at, plan, signal, run }: Performance,
): Promise<Outcome> {
  const { parts, keeper } = at
  const record = await parts.store.work.load(keeper.instanceId)
  const provider = parts.providers.get(keeper.providerName)
  if (!record) throw new SlipwayError('not_found', `Instance ${keeper.instanceId} is gone.`)
  await Promise.all(
    step.revisions.map(async ({ service, revision }) => {
      const planned = plan.next.find(candidate => candidate.name === service)
      const release = planned?.release ?? run.deployment.releaseId
      const spec = await parts.revisions.specFor(record, { service, revision, release }, plan.specs)
      await provider.prepare(spec, () => void 0 /* percentages of a fetch are not kept */, signal)
    }),
  )
  return done
}

async function task(step: Extract<Step, { kind: 'task' }>, { at, plan, run, signal }: Performance): Promise<Outcome> {
  const { parts, keeper, lease } = at
  const planned = plan.next.find(candidate => candidate.name === step.service)
  const spec = planned && plan.specs[planned.release]?.find(candidate => candidate.name === step.service)
  const record = await parts.store.work.load(keeper.instanceId)
  if (!planned || !spec?.before || !record) return { kind: 'skipped', note: 'there is no command to run' }
  const revision = await parts.revisions.specFor(record, { ...step, release: planned.release }, plan.specs)
  const provider = parts.providers.get(keeper.providerName)
  const name = `${run.deployment.id}.${step.service}`
  // A cancel ends the task too: its own signal stands for the lease's.
  const fence = { ...lease.fence, signal: AbortSignal.any([lease.signal, signal]) }
  const result = await provider.runTask(revision, spec.before, name, fence)
  const lines = result.output.slice(-20).map(line => parts.mask(keeper.instanceId, line))
  if (result.exitCode === 0) return { kind: 'done', note: lines.join('\n') }
  throw new SlipwayError(
    'task_failed',
    `The task before ${step.service} (${spec.before.join(' ')}) ended with ${result.exitCode}${quoted(lines.at(-1))}.`,
    {
      details: { log: lines },
    },
  )
}

async function pause(
  step: Extract<Step, { kind: 'pause' }>,
  { at, run, position, signal }: Performance,
): Promise<Outcome> {
  const { parts, keeper } = at
  signal.throwIfAborted()
  const record = (await parts.store.work.steps(run.deployment.id)).find(
    candidate => candidate.phase === 'forward' && candidate.position === position,
  )
  if (record && record.state !== 'begun')
    return { kind: 'done', ...(record.note !== undefined ? { note: record.note } : {}) }
  const beganAt = record ? Date.parse(record.beganAt) : parts.clock.now()
  const now = parts.clock.now()
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

/** Watches a step that waits for replicas: throws as soon as it is plain that it can't come true, or when nothing moves for too long. */
export function watchProgress(
  of: Pick<Attendance, 'keeper' | 'parts'> & { readonly plan: FrozenPlan },
): (view: View) => void {
  const { keeper, parts, plan } = of
  const deadlineMs = keeper.policies.progressDeadlineMs ?? policyDefaults.progressDeadlineMs
  let seen = ''
  let since = parts.clock.monotonic()
  return view => {
    for (const row of view.table) if (isNew(row, plan)) throwIfHopeless(row, of)
    const now = parts.clock.monotonic()
    const state = view.replicas
      .map(({ replica, health, settled }) => `${replica.name}:${replica.id}:${health}:${settled}`)
      .join()
    const moved = view.table.map(row => readyOf(row, view)).join()
    // A replica that dies and is started again is no progress; one that became ready, or is gone, is.
    const key = `${moved}|${view.replicas.length > 0 ? livingCount(view) : 0}|${view.leaving.size}|${state.includes(':unknown') ? now : ''}`
    if (key !== seen) {
      seen = key
      since = now
    } else if (now - since > deadlineMs) {
      throw noProgress(view, of, deadlineMs)
    }
  }
}

function livingCount(view: View): number {
  return view.table.reduce((count, row) => count + livingOf(row, view).length, 0)
}

/** Whether the row stands for something this deployment brings, as opposed to what served before. */
function isNew(row: Row, plan: FrozenPlan): boolean {
  return !plan.base.some(base => base.service === row.service && base.revision === row.revision)
}

/** A replica that can't be started, or exits again and again, ends the step at once. */
export function throwIfHopeless(row: Row, { keeper, parts }: Pick<Attendance, 'keeper' | 'parts'>): void {
  const failure = keeper.startFailure(row)
  if (
    failure &&
    (failure.code === 'image_gone' || failure.code === 'image_unavailable' || failure.code === 'unrestorable')
  )
    throw failure
  const exits = keeper.crashes.count(rowKey(row))
  if (exits < crashLoopExits) return
  const log = keeper.crashes.log(rowKey(row)).map(line => parts.mask(keeper.instanceId, line))
  const code = keeper.crashes.lastExitCode(rowKey(row))
  const how = failure
    ? `could not be started: ${failure.message}`
    : `exited${code === undefined ? '' : ` with code ${code}`} ${times(exits)}${quoted(lastWords(log))}`
  throw new SlipwayError('crash_loop', `Service ${row.service} (${shortRevision(row.revision)}) ${how}.`, {
    details: { log, exitCode: code },
  })
}

function times(count: number): string {
  return count === 3 ? 'three times' : `${count} times`
}

function noProgress(
  view: View,
  { keeper, parts }: Pick<Attendance, 'keeper' | 'parts'>,
  deadlineMs: number,
): SlipwayError {
  const waiting = view.table.find(row => readyOf(row, view) < row.replicas) ?? view.table[0]
  const seconds = Math.round(deadlineMs / 1000)
  if (!waiting) return new SlipwayError('progress_deadline', `Nothing moved for ${seconds} s.`)
  const answers = keeper.answers(waiting).map(answer => parts.mask(keeper.instanceId, answer))
  const ready = readyOf(waiting, view)
  return new SlipwayError(
    'progress_deadline',
    `Service ${waiting.service} (${shortRevision(waiting.revision)}): ${ready} of ${waiting.replicas} replicas were ready, and nothing moved for ${seconds} s${quoted(answers[0])}.`,
    { details: { answers, log: keeper.crashes.log(rowKey(waiting)).map(line => parts.mask(keeper.instanceId, line)) } },
  )
}

function lastWords(lines: readonly string[]): string | undefined {
  return lines.findLast(line => line.trim() !== '')?.trim()
}

function quoted(text: string | undefined): string {
  return text ? ` ("${text.slice(0, 300)}")` : ''
}

function rowOf(table: Step['table'], of: { service: string; revision: string }): Row | undefined {
  return table.find(row => row.service === of.service && row.revision === of.revision)
}
