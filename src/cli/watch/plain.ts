import { shown } from '../shown.ts'
import { gateLine } from './findings.ts'
import { plainText } from './line.ts'
import { elapsedMs, endOf, minutesOf, sentenceOf, versionsOf } from './sentence.ts'
import { isOver, type Story, waitsForSomebody } from './story.ts'

/** After so long without a line, milliseconds, one says that it is still there. */
export const heartbeatMs = 30_000

/** How lines are written. */
export interface PlainLook {
  readonly ascii: boolean
  /** In a workflow of GitHub Actions, which shows a failure where people look for it. */
  readonly github: boolean
}

/** What is to be said when a story has become another, a line each; all of it when nothing was said before. `now` in milliseconds. */
export function plainLines(before: Story | undefined, after: Story, now: number, look: PlainLook): string[] {
  const say = (text: string): string => stamped(text, now, look)
  const lines = [...(before ? [] : [opening(after)]), ...changes(before, after, now)].map(say)
  return isOver(after) && !(before && isOver(before)) ? [...lines, ...ending(after, now, look)] : lines
}

/** That it goes on, and where it is. */
export function heartbeat(story: Story, now: number, look: PlainLook): string {
  const { deployment } = story
  const ready = Object.entries(deployment.replicas ?? {})
    .filter(([, { new: side }]) => side.ready < side.want)
    .map(([name, { new: side }]) => `, ${name} ${side.ready}/${side.want} ready`)
  const where = stepOf(story) ?? deployment.state
  return stamped(`  still at ${where}${ready.join('')}, ${minutesOf(elapsedMs(story, now))}`, now, look)
}

function opening(story: Story): string {
  const { deployment, names } = story
  const doing = `${deployment.id} ${names.instance} ${versionsOf(story, '->')} ${deployment.strategy}`
  return isOver(story) ? doing : `${doing} ${deployment.state}`
}

function changes(before: Story | undefined, after: Story, now: number): string[] {
  if (isOver(after)) return []
  const [was, is] = [before?.deployment, after.deployment]
  const lines: string[] = []
  if (is.state === 'pending') {
    const text = sentenceOf(after, now).text
    return before && sentenceOf(before, now).text === text ? [] : [text]
  }
  if (was?.state === 'pending') lines.push(`started ${versionsOf(after, '->')}`)
  const [step, because] = [stepOf(after), is.reason?.code === 'undoing' ? is.reason.text : undefined]
  if (because !== undefined && was?.reason?.code !== 'undoing') lines.push(`UNDOING, because ${because}`)
  if (after.checked && after.checked !== before?.checked) lines.push(gateLine(after.checked))
  if (step !== undefined && step !== (before && stepOf(before))) lines.push(step)
  if (waitsForSomebody(after) && !(before && waitsForSomebody(before) && was?.reason?.code === is.reason?.code)) {
    lines.push(`PAUSED: ${is.reason?.text ?? 'it waits'}`)
  }
  if (is.reason?.code === 'resumed' && was?.reason?.code !== 'resumed') lines.push(is.reason.text)
  for (const [name, state] of Object.entries(is.service_progress ?? {})) {
    if (state !== 'failed' && state !== 'succeeded') continue
    if (was?.service_progress?.[name] !== state) lines.push(`  ${name} ${state === 'failed' ? 'FAILED' : 'through'}`)
  }
  for (const [name, { new: side }] of Object.entries(is.replicas ?? {})) {
    const told = was?.replicas?.[name]?.new
    if (side.want === 0 || (told?.ready === side.ready && told.want === side.want)) continue
    lines.push(`  ${name} ${side.ready}/${side.want} ready`)
  }
  return lines
}

function ending(story: Story, now: number, look: PlainLook): string[] {
  const { names, deployment } = story
  const lines = [
    `${endOf(story).toUpperCase()}: ${sentenceOf(story, now).text}`,
    ...story.evidence.map(line => `  ${line}`),
  ].map(text => stamped(text, now, look))
  if (!look.github || deployment.state !== 'failed') return lines
  const version = names.to === undefined ? '' : ` v${names.to}`
  const title = propertyOf(`${shown(names.instance)}${version} ${endOf(story)}`)
  return [...lines, `::error title=${title}::${messageOf(deployment.error ?? 'It did not say why.')}`]
}

/** Where it is: `step 2/4 route 25 %`. */
function stepOf({ deployment, undo }: Story): string | undefined {
  if (undo) {
    if (undo.step === 0) return undefined
    return `back ${undo.step}/${Math.max(undo.step, undo.names.length)} ${undo.names[undo.step - 1] ?? ''}`.trimEnd()
  }
  const under = deployment.steps.findLast(({ phase, state }) => phase === 'forward' && state !== 'pending')
  if (!under) return undefined
  const count = deployment.step_count ?? deployment.steps.filter(({ phase }) => phase === 'forward').length
  return `step ${under.position + 1}/${count} ${under.step.name}`
}

/** A line with its time in UTC, harmless. A workflow command that others smuggle in is none, as it does not begin the line. */
function stamped(text: string, now: number, { ascii }: PlainLook): string {
  const line = `${new Date(now).toISOString().slice(11, 19)} ${shown(text)}`
  return ascii ? plainText(line) : line
}

/** The message of a workflow command, which stays one line. */
function messageOf(text: string): string {
  return shown(text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'))
}

/** The value of a property of one, in which `:` and `,` mean something. */
function propertyOf(text: string): string {
  return messageOf(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
