import { actLine, stepText } from './block.ts'
import { finishedLines } from './finish.ts'
import { type Line, span } from './line.ts'
import type { DemoState } from './state.ts'

/** The lines that tell what happened between two states, for an output that cannot be drawn over. `before` is absent at the start. */
export function changeLines(before: DemoState | undefined, now: DemoState): Line[] {
  const lines: Line[] = before ? [] : [[span(now.title, 'strong')]]
  const told = before?.finished.length ?? 0
  for (const finished of now.finished.slice(told)) lines.push(...finishedLines(finished, now.acts))

  const { current, note } = now
  const last = before?.current
  if (!current) {
    if (note !== undefined && note !== before?.note) lines.push([span(` ${note}`, 'dim')])
    return lines
  }
  const sameAct = last?.act === current.act
  if (!sameAct || last.undoing !== current.undoing) {
    lines.push(actLine(current, now.acts))
    if (current.undoing && current.detail !== undefined) lines.push([span(`      ${current.detail}`, 'warn')])
  }
  const step = stepText(current)
  if (!sameAct || stepText(last) !== step) lines.push([span(`      ${step}`, 'dim')])
  return lines
}
