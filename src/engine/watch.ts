import { shortRevision } from '../deploy/revision.ts'
import type { FrozenPlan } from '../deploy/run.ts'
import type { Row } from '../deploy/step.ts'
import { isNew } from '../deploy/table.ts'
import { SlipwayError } from '../errors.ts'
import type { Attendance } from './context.ts'
import { isCrashLoop } from './crashes.ts'
import { readyOf, rowKey } from './difference.ts'
import type { View } from './keeper.ts'
import { stillness } from './stillness.ts'

/** What a step that waits for replicas is watched with. */
export interface Watched extends Pick<Attendance, 'keeper' | 'parts'> {
  readonly plan: FrozenPlan
  /** How long it may stand still, milliseconds. */
  readonly patienceMs: number
}

/** Watches a step that waits for replicas: throws as soon as it is plain that it can't come true, or when nothing moves for too long. */
export function watchProgress(of: Watched): (view: View) => void {
  const still = stillness(of.parts.clock)
  return view => {
    for (const row of view.table) {
      // What is ready is not hopeless, however often it died before.
      if (isNew(row, of.plan) && readyOf(row, view) < row.replicas) throwIfHopeless(row, of)
    }
    if (still(view) > of.patienceMs) throw noProgress(view, of)
  }
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
  if (!isCrashLoop(exits, row)) return
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

function noProgress(view: View, { keeper, parts, patienceMs }: Watched): SlipwayError {
  const waiting = view.table.find(row => readyOf(row, view) < row.replicas) ?? view.table[0]
  const seconds = Math.round(patienceMs / 1000)
  if (!waiting) return new SlipwayError('progress_deadline', `Nothing moved for ${seconds} s.`)
  const answers = keeper.answers(waiting).map(answer => parts.mask(keeper.instanceId, answer))
  const ready = readyOf(waiting, view)
  // When all are ready, it is the routes that stand still.
  const why = ready < waiting.replicas ? answers[0] : keeper.refusedRoutes
  return new SlipwayError(
    'progress_deadline',
    `Service ${waiting.service} (${shortRevision(waiting.revision)}): ${ready} of ${waiting.replicas} replicas were ready, and nothing moved for ${seconds} s${quoted(why)}.`,
    { details: { answers, log: keeper.crashes.log(rowKey(waiting)).map(line => parts.mask(keeper.instanceId, line)) } },
  )
}

function lastWords(lines: readonly string[]): string | undefined {
  return lines.findLast(line => line.trim() !== '')?.trim()
}

/** What somebody said, for the end of a sentence. */
export function quoted(text: string | undefined): string {
  return text ? ` ("${text.slice(0, 300)}")` : ''
}
