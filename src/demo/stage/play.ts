import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ExitCode, exit } from '../../cli/exit.ts'
import type { World } from '../../cli/world.ts'
import type { CreateInstanceRequest } from '../../index.ts'
import { type Load, startLoad } from '../load/load.ts'
import type { LoadOptions } from '../load/options.ts'
import { endedAsExpected, lastLines } from '../screen/finish.ts'
import { paint } from '../screen/line.ts'
import { createScreen, type Screen } from '../screen/screen.ts'
import { type Act, follow, type Performance, type Performed, perform } from './act.ts'
import { errorText } from './error-text.ts'
import { printEvents } from './events.ts'
import { imageIn } from './images.ts'
import { aborted, Interrupted, interruption } from './interruption.ts'
import { invite } from './invitation.ts'
import { type Live, startLive } from './live.ts'
import { createInstance, openStage, type Stage, tenant } from './stage.ts'
import { type Outcome, outcomeOf, summaryOf } from './summary.ts'

/** A scenario: an instance under load, and what is deployed to it, one after the other. */
export interface Play {
  readonly title: string
  /** What {@link prepare} does, for the screen. */
  readonly preparing: string
  /** Makes the images that are folders, by their names, in `folder`. */
  prepare?(folder: string): Promise<void>
  /** What the first deployment brings: `web 1, api 1`. */
  readonly opening: string
  /** The instance to create, with names of images. */
  readonly instance: CreateInstanceRequest
  readonly acts: readonly Act[]
  readonly load: Omit<LoadOptions, 'target'>
}

/** How a scenario is performed. */
export interface PlayOptions {
  /** End when the scenario is over, also where the story is told on a terminal. */
  readonly once: boolean
  /** Events and summary as JSON on stdout; the story goes to stderr. */
  readonly json: boolean
}

const calmMs = 700
const loadDeadlineMs = 10_000

/**
 * Performs scenarios one after the other, each on a Slipway of its own, and removes everything again, however it ends. Resolves to the exit
 * code: done when every deployment of all of them ended as it had to and no request was lost.
 */
export async function play(plays: readonly Play[], options: PlayOptions, world: World): Promise<ExitCode> {
  using interrupted = interruption(world)
  for (const what of plays) {
    const exitCode = await playOne(what, options, world, interrupted.signal)
    if (exitCode !== exit.done) return exitCode
  }
  return exit.done
}

async function playOne(what: Play, { once, json }: PlayOptions, world: World, signal: AbortSignal): Promise<ExitCode> {
  const { stdout, stderr, env } = world
  const story = json ? stderr : stdout
  const screen = createScreen(story, env)
  try {
    const stay = !once && story.isTty
    const outcome = await performAll(what, {
      screen,
      signal,
      stay,
      ...(json ? { printEvent: line => stdout.write(line) } : {}),
      say: text => story.write(text),
    })
    for (const line of lastLines(outcome)) story.write(`${paint(line, Number.MAX_SAFE_INTEGER, false)}\n`)
    if (json) stdout.write(`${JSON.stringify(summaryOf(outcome))}\n`)
    return outcome.well ? exit.done : exit.unexpected
  } catch (error) {
    const { text, exitCode } = errorText(error)
    stderr.write(`\n${text}\n`)
    return exitCode
  }
}

interface Setting {
  readonly screen: Screen
  readonly signal: AbortSignal
  /** Go on under load after the last act, until interrupted. */
  readonly stay: boolean
  /** Takes each event, as a line. */
  readonly printEvent?: (line: string) => void
  /** Writes text that stays. */
  say(text: string): void
}

async function performAll(what: Play, { screen, signal, stay, printEvent, say }: Setting): Promise<Outcome> {
  await using cleanup = new AsyncDisposableStack()
  const acts = what.acts.length + 1
  const live = cleanup.use(startLive(what.title, acts, screen))
  live.note(what.preparing)
  signal.addEventListener('abort', () => live.note('the last requests end, then everything is removed'))
  const stage = await openStage(cleanup, signal)
  const unhurt = AbortSignal.any([signal, stage.controlPlane.death])
  if (printEvent) cleanup.use(printEvents(stage.client, printEvent))
  const images = join(stage.folder, 'images')
  await what.prepare?.(images)
  signal.throwIfAborted()
  const image = (name: string): string => imageIn(images, name)

  const { instanceId, version1 } = await open(what, { stage, cleanup, live, signal: unhurt, image })
  const { load, alive } = await startAt(what, { stage, cleanup, signal: unhurt })
  live.measure(load)
  cleanup.defer(() => live.note('removing what was started'))
  const on = { stage, instanceId, image, load, signal: alive, live }
  const performed = await performActs(what.acts, version1, on)
  const finished = await Promise.all(performed.map(one => asItIsNow(one, stage)))
  if (!stay) {
    const outcome = outcomeOf(finished, acts, await load.stop())
    screen.end(outcome)
    return { ...outcome, losses: [] }
  }
  const lines = await invite(stage)
  const soFar = outcomeOf(finished, acts, load.stats())
  screen.end(soFar)
  // `end` erased the block, and it is drawn again beneath this.
  say(`Paste into another terminal:\n\n${lines.map(line => `  ${line}\n`).join('')}\n`)
  live.note('the load goes on; Ctrl-C ends it and removes what was started')
  await aborted(alive).catch((reason: unknown) => {
    if (!(reason instanceof Interrupted)) throw reason
  })
  const outcome = outcomeOf(finished, acts, await load.stop())
  return { ...outcome, losses: outcome.losses.slice(soFar.losses.length) }
}

interface Backstage {
  readonly stage: Stage
  readonly cleanup: AsyncDisposableStack
  readonly signal: AbortSignal
}

/** Creates the instance and waits until it runs, with version 1 recorded. */
async function open(
  { instance, opening }: Play,
  on: Backstage & Pick<Performance, 'image'> & { readonly live: Live },
): Promise<{ readonly instanceId: string; readonly version1: Performed }> {
  const { stage, cleanup, live, signal, image } = on
  const services = instance.services.map(service => ({ ...service, image: image(service.image) }))
  const created = await createInstance(stage, { ...instance, services }, cleanup)
  const instanceId = created.instance.id
  live.watch(stage.client, instanceId)
  live.begin({ act: 1, what: opening, strategy: 'initial' })
  const act = { what: opening, ends: 'succeeded' } as const
  const brought = await follow(
    act,
    { id: created.deployment.id, last_event_id: '0' },
    { stage, before: [], signal, live },
  )
  const { items } = await stage.client.deployments.list({ instance_id: instanceId, kind: 'initial' }).page()
  const recorded = items[0]
  if (!recorded) throw new Error(`Version 1 was not recorded: the instance is ${brought.state}. ${brought.error ?? ''}`)
  const version1 = { ...brought, id: recorded.id, strategy: recorded.strategy }
  live.ended(version1)
  return { instanceId, version1 }
}

/** Starts the load at the front door and waits until all of it flows. `alive` is aborted with the signal, and when the load dies. */
async function startAt(
  { load: wanted, instance }: Play,
  { stage, cleanup, signal }: Backstage,
): Promise<{ readonly load: Load; readonly alive: AbortSignal }> {
  const { host, port } = stage.controlPlane.front
  const target = { host, port, hostHeader: `${instance.name}.${tenant}.localhost` }
  const load = startLoad({ ...wanted, target })
  cleanup.defer(async () => {
    await load.stop().catch((error: unknown) => void error) // because it is told through `alive`
  })
  const death = new AbortController()
  load.until(() => false).catch((error: unknown) => death.abort(error))
  const alive = AbortSignal.any([signal, death.signal])
  const flows = load.until(({ answered, webSockets }) => answered > 0 && webSockets.open === (wanted.websockets ?? 0))
  await Promise.race([flows, aborted(AbortSignal.any([alive, AbortSignal.timeout(loadDeadlineMs)]))])
  return { load, alive }
}

/** Performs one act after the other; ends early when one did not go as it had to, because the next ones build on it. */
async function performActs(
  acts: readonly Act[],
  first: Performed,
  on: Omit<Performance, 'before' | 'live'> & { readonly live: Live },
): Promise<readonly Performed[]> {
  const performed = [first]
  const { live } = on
  for (const act of acts) {
    await delay(calmMs, undefined, { signal: on.signal }).catch(() => on.signal.throwIfAborted())
    const strategy = act.kind === 'deploy' ? act.strategy : 'blue-green'
    live.begin({ act: performed.length + 1, what: act.what, strategy })
    const ended = await perform(act, { ...on, before: performed })
    performed.push(ended)
    live.ended(ended)
    if (!endedAsExpected(ended)) break
  }
  return performed
}

/** A deployment that ended may have been rolled back since. */
async function asItIsNow(ended: Performed, stage: Stage): Promise<Performed> {
  const { state } = await stage.client.deployments.get(ended.id)
  return { ...ended, state, expected: ended.later ?? ended.expected }
}
