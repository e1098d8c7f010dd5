import { type Client, SlipwayApiError, SlipwayConnectionError, type Watched } from '../../client/index.ts'
import { messageOf } from '../../errors.ts'
import { type ExitCode, exit } from '../exit.ts'
import { shown } from '../shown.ts'
import type { World } from '../world.ts'
import { chooseProgress, type Progress } from './choose.ts'
import { type Asked, keyReader, listen } from './keys.ts'
import { namesOf } from './names.ts'
import { minutesOf } from './sentence.ts'
import { begin, isOver, type Story, type Telling, tell, waitsForSomebody } from './story.ts'
import { type Teller, tellerOf } from './teller.ts'

/** How a deployment is followed. */
export interface FollowOptions {
  readonly progress?: Progress
  readonly json?: boolean
  readonly ascii?: boolean
  /** Waits no longer than this, milliseconds; the deployment goes on. */
  readonly timeoutMs?: number
  /** What ends the waiting beside the end: a pause, with exit code 9. */
  readonly until?: 'end' | 'pause'
  /** Ctrl-C cancels the deployment, and it is followed to its end. A second one detaches. */
  readonly cancelOnInterrupt?: boolean
}

/** The deployment is read no more often than this, milliseconds. */
const lookMs = 1000
/** What its checks found over time is read no more often than this, milliseconds; so is one that waits for somebody. */
const chartMs = 2000
/** A connection that is back sooner than this, milliseconds, was not worth a word. */
const noticeMs = 1000

/**
 * Follows a deployment to its end, tells its story on the way, and answers with the exit code of what became of it. Nothing done here but a key
 * and `cancelOnInterrupt` changes anything about the deployment.
 */
export async function follow(
  client: Client,
  watched: Watched,
  world: World,
  options: FollowOptions = {},
): Promise<ExitCode> {
  const kind = chooseProgress(options.progress, { json: options.json === true, ...world })
  const keys = kind === 'tty' && world.stdin.isTty
  const over = new AbortController()
  const teller = tellerOf(kind, world, { ascii: options.ascii === true, keys })
  const outcome = Promise.withResolvers<ExitCode>()
  const disposals: { dispose(): void }[] = []
  try {
    const one = following(client, watched, teller, over.signal)
    const detach = (code: ExitCode, words: string): void => {
      teller.end()
      world.stderr.write(words)
      outcome.resolve(code)
    }
    const interrupted = interrupter(one, options, () => detach(exit.interrupted, detached(one.id)))
    disposals.push(world.onInterrupt(interrupted))
    if (options.timeoutMs !== undefined) {
      disposals.push(
        after(options.timeoutMs, () => {
          const waited = `Waited ${minutesOf(options.timeoutMs ?? 0)}; the deployment goes on.`
          detach(exit.timedOut, `${waited}  Look again: slipway watch ${one.id}\n`)
        }),
      )
    }
    if (keys) {
      const asked = (what: Asked): void => {
        if (what === 'detach') detach(exit.interrupted, detached(one.id))
        else if (what === 'interrupt') interrupted()
        else if (what === 'help') teller.help()
        else if (what === 'logs') teller.note(one.logs())
        else one.act(what)
      }
      const doubt = (open: boolean): void => teller.note(open ? 'Cancel it? Press x again.' : undefined)
      disposals.push(listen(world.stdin, keyReader(asked, doubt)))
    }
    one.told(options, kind === 'json').then(outcome.resolve, outcome.reject)
    return await outcome.promise
  } finally {
    over.abort()
    for (const disposal of disposals.toReversed()) disposal.dispose()
    teller.end()
  }
}

type Act = 'promote' | 'promote all' | 'pause or resume' | 'cancel'

/** A deployment that is being followed. */
interface Following {
  readonly id: string
  /** Asks for what a key or an interrupt stands for, and notes what came of it. */
  act(what: Act): void
  /** How its logs are read. */
  logs(): string
  /** Tells it to its end, or to where the waiting ends. */
  told(options: FollowOptions, asEvents: boolean): Promise<ExitCode>
  say(text: string): void
}

function following(client: Client, watched: Watched, teller: Teller, signal: AbortSignal): Following {
  const id = typeof watched === 'string' ? watched : 'deployment' in watched ? watched.deployment.id : watched.id
  let story: Story | undefined
  let looking: Promise<void> | undefined
  let lookedAt = performance.now()
  const show = (telling: Telling): void => {
    if (!story) return
    story = tell(story, telling)
    teller.show(story)
  }
  const look = async (): Promise<void> => {
    lookedAt = performance.now()
    try {
      const known = story?.deployment
      const deployment = await client.deployments.get(known ?? id, { signal, timeoutMs: 10_000 })
      // What serves before it, and what waits before it, is known once it is its turn.
      const named = !known || story?.names.ahead ? { names: await namesOf(client, deployment, signal) } : {}
      show({ type: 'read', deployment, ...named })
    } catch (error) {
      // The stream says what is wrong with the connection; what is refused there for good ends it.
      if (!signal.aborted && !isPassing(error)) throw error
    }
  }
  let charting = false
  let chartedAt = -Infinity
  /** What the checks found is drawn as far as it can be had: without it the story is told all the same. */
  const chart = (): void => {
    if (!teller.live || !story || charting || performance.now() - chartedAt < chartMs || !isMeasured(story)) return
    charting = true
    chartedAt = performance.now()
    client.deployments.traffic(id, { signal, timeoutMs: 5000 }).then(
      read => {
        charting = false
        show({ type: 'chart', chart: read })
      },
      (error: unknown) => {
        charting = false
        void error // because the watch itself says what is wrong with the server
      },
    )
  }
  /** The pauses that were promoted since somebody asked to promote them all: their steps. */
  let promotes: Set<number> | undefined
  const promoteAll = (): void => {
    const { reason, step } = story?.deployment ?? {}
    if (!promotes || reason?.code !== 'awaiting_promote' || step === undefined || promotes.has(step)) return
    promotes.add(step)
    void act('promote')
  }
  const tick = (): void => {
    teller.tick()
    if (!story || isOver(story) || looking) return
    promoteAll()
    chart()
    const everyMs = waitsForSomebody(story) && !story.stale ? chartMs : lookMs
    const due = story.stale || story.deployment.state === 'pending' || teller.live
    if (due && performance.now() - lookedAt >= everyMs) {
      looking = look().then(
        () => void (looking = undefined),
        (error: unknown) => {
          looking = undefined
          teller.note(messageOf(error))
        },
      )
    }
  }
  const act = async (what: Exclude<Act, 'promote all'>): Promise<void> => {
    const may = new Set(story?.deployment.allowed_actions.filter(one => one.allowed).map(one => one.action))
    const verb = what === 'pause or resume' ? (may.has('resume') ? 'resume' : 'pause') : what
    const refused = story?.deployment.allowed_actions.find(one => one.action === verb && !one.allowed)
    if (refused) return teller.note(refused.why)
    teller.note(`${verb}: asked …`)
    try {
      await client.deployments[verb](id, ...(verb === 'promote' ? [{}, { signal }] : [{ signal }]))
      teller.note(undefined)
      if (story) story = { ...story, stale: true }
    } catch (error) {
      if (!signal.aborted) teller.note(shown(messageOf(error)))
    }
  }
  return {
    id,
    act(what) {
      if (what !== 'promote all') return void act(what)
      promotes = promotes ? undefined : new Set()
      teller.note(promotes ? 'Each pause of the plan is promoted while this watches. P again stops that.' : undefined)
      promoteAll()
    },
    logs() {
      const instance = story?.names.instance ?? 'INSTANCE'
      return shown(`In another terminal: slipway logs ${instance} -f --deployment ${id}`)
    },
    say: text => teller.say(text),
    async told({ until }, asEvents) {
      const deployment = await client.deployments.get(id, { signal })
      story = begin(deployment, await namesOf(client, deployment, signal))
      teller.show(story)
      const timer = setInterval(tick, 250)
      const connection = connectionWords(text => teller.say(text))
      try {
        const ends = (): boolean => until === 'pause' && story !== undefined && waitsForSomebody(story)
        if (ends()) return exit.paused
        if (isOver(story) && !asEvents) return codeOf(story)
        // From where it was asked for, or from where it was read; of one that has ended, all that is left of it.
        const from = typeof watched === 'string' ? (isOver(story) ? '0' : deployment.last_event_id) : undefined
        const events = client.deployments.watch(watched, {
          signal,
          onConnection: connection.told,
          ...(from === undefined ? {} : { after: from }),
        })
        for await (const event of events) {
          await teller.event(event)
          if (event.type === 'deploy.started' && story.names.ahead) await look()
          show(event)
          if (ends()) return exit.paused
        }
        await look()
        return codeOf(story)
      } finally {
        clearInterval(timer)
        connection.dispose()
      }
    },
  }
}

/** What became of it, as a number. */
function codeOf({ deployment: { state, restored } }: Story): ExitCode {
  switch (state) {
    case 'succeeded':
    case 'rolled_back':
      return exit.done
    case 'failed':
      return restored ? exit.restored : exit.failed
    case 'cancelled':
      return exit.cancelled
    case 'pending':
    case 'running':
      // It was read by a log that does not reach its end.
      return exit.unexpected
  }
}

function interrupter(one: Following, { cancelOnInterrupt }: FollowOptions, detach: () => void): () => void {
  let asked = false
  return () => {
    if (!cancelOnInterrupt || asked) return detach()
    asked = true
    one.say('Cancelling. Interrupt again to detach.')
    one.act('cancel')
  }
}

function detached(id: string): string {
  return `Detached. Still running: slipway watch ${id}   Stop it: slipway cancel ${id}\n`
}

/** Says once that the connection is lost, and once that it is back. */
function connectionWords(say: (text: string) => void): { told(state: 'lost' | 'back'): void; dispose(): void } {
  let notice: { dispose(): void } | undefined
  let said = false
  return {
    told(state) {
      if (state === 'lost') {
        notice ??= after(noticeMs, () => {
          said = true
          say('Connection lost, trying again for 10 min.')
        })
        return
      }
      notice?.dispose()
      notice = undefined
      if (said) say('Connected again; nothing was missed.')
      said = false
    },
    dispose: () => notice?.dispose(),
  }
}

/** Whether a hold that measures something was begun. */
function isMeasured({ deployment: { steps } }: Story): boolean {
  return steps.some(({ step, state }) => step.kind === 'hold' && step.checks.length > 0 && state !== 'pending')
}

function isPassing(error: unknown): boolean {
  if (error instanceof SlipwayConnectionError) return true
  return error instanceof SlipwayApiError && (error.status >= 500 || error.status === 429)
}

function after(ms: number, act: () => void): { dispose(): void } {
  const timer = setTimeout(act, ms)
  return { dispose: () => clearTimeout(timer) }
}
