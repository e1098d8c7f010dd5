import type { Accepted, Event, Release } from '../../client/index.ts'
import type { DeploymentState, ErrorCode, Step, Table } from '../../index.ts'
import type { Load } from '../load/load.ts'
import { emptyStats } from '../load/stats.ts'
import type { FinishedDeployment } from '../screen/state.ts'
import { versionOf } from './images.ts'
import type { Live } from './live.ts'
import { type Outage, outage } from './outage.ts'
import type { Stage } from './stage.ts'

/** What has to become of a deployment. */
export interface Plot {
  /** `web 1 → 2`. */
  readonly what: string
  readonly ends: DeploymentState
  /** The code of the error it has to end with. */
  readonly because?: ErrorCode | 'cancelled'
  /** Its state when the scenario is over, where that is another one. */
  readonly later?: DeploymentState
  /** Cancel it as soon as it holds with this many percent of the traffic on the new release. */
  readonly cancelAt?: number
  /** Kill the control plane as soon as a step of this kind has begun, and start it again a while later. */
  readonly killAt?: Step['kind']
}

/** One deployment of a scenario. */
export type Act = Plot &
  (
    | {
        readonly kind: 'deploy'
        readonly strategy: 'rolling' | 'canary' | 'blue-green' | 'recreate'
        readonly options?: Readonly<Record<string, unknown>>
        /** Service → name of its image. */
        readonly images: Readonly<Record<string, string>>
      }
    /** To the release that the deployment before it replaced. */
    | { readonly kind: 'rollback' }
  )

/** A deployment that ended, as the table and the summary tell of it. */
export interface Performed extends FinishedDeployment {
  readonly id: string
  /** Version of the release it brought, or tried to. */
  readonly version: number
  /** The state it has to be in when the scenario is over, where that is another one. */
  readonly later?: DeploymentState
  /** The release that was active before it. */
  readonly fromReleaseId?: string
  /** Of a rollback: from the call to the last request that what it replaced answered, milliseconds. */
  readonly rollbackMs?: number
  /** While it ran, the control plane was dead for a while. */
  readonly outage?: Outage
}

/** What acts are performed with. */
export interface Performance {
  readonly stage: Stage
  readonly instanceId: string
  /** The image of this name. */
  readonly image: (name: string) => string
  readonly load?: Load
  /** What was performed so far. */
  readonly before: readonly Performed[]
  readonly signal: AbortSignal
  /** Told of each event of the deployment. */
  readonly live: Pick<Live, 'tell' | 'say'>
}

/** An act that takes longer than this is stuck, fetching what it needs from elsewhere included. */
const deadlineMs = 180_000

/** Performs an act and waits for its end. Throws when it does not end. */
export async function perform(act: Act, on: Performance): Promise<Performed> {
  const { instanceId } = on
  const { deployments, releases } = on.stage.client
  if (act.kind === 'deploy') {
    const { strategy, options = {}, images } = act
    const services = Object.entries(images).map(([name, image]) => ({ name, image: on.image(image) }))
    return await follow(act, await deployments.create(instanceId, { services, strategy, options }), on)
  }
  const releaseId = on.before.at(-1)?.fromReleaseId
  if (releaseId === undefined) throw new Error(`There is nothing to roll back to in "${act.what}".`)
  const calledAt = Date.now()
  const asked = await deployments.rollback(instanceId, { release_id: releaseId })
  const performed = await follow(act, asked, on)
  const replaced = performed.fromReleaseId
  if (replaced === undefined) return performed
  const lastAt = await lastSentTo(await releases.get(replaced), await releases.get(releaseId), on)
  return lastAt === undefined ? performed : { ...performed, rollbackMs: Math.max(0, lastAt - calledAt) }
}

/** Waits for the end of a deployment that was begun. */
export async function follow(
  { what, ends, because, later, cancelAt, killAt }: Plot,
  begun: Pick<Accepted, 'id' | 'last_event_id'>,
  { stage, load, before, signal, live }: Pick<Performance, 'stage' | 'load' | 'before' | 'signal' | 'live'>,
): Promise<Performed> {
  const atStart = load?.stats() ?? emptyStats()
  const { deployments, releases } = stage.client
  const deadline = AbortSignal.timeout(deadlineMs)
  const until = AbortSignal.any([signal, deadline])
  let holding = false
  let dead: Outage | undefined
  for await (const event of untilAborted(deployments.watch(begun, { signal: until }), until)) {
    if (event.type === 'reset') continue
    live.tell(event)
    if (killAt !== undefined && dead === undefined && isStep(event, killAt)) {
      live.say('the control plane is killed; what it started serves on')
      dead = await outage(stage, load, until)
      live.say(`the control plane is back; ${dead.answered} requests were answered in ${dead.ms} ms without it`)
    }
    if (cancelAt === undefined || holding || !isHoldAt(event, cancelAt)) continue
    holding = true
    await deployments.cancel(begun.id)
  }
  signal.throwIfAborted()
  const ended = await deployments.get(begun.id)
  if (deadline.aborted) {
    const where = `${ended.state}, step ${ended.step} of ${ended.step_count}: ${ended.reason?.text ?? ''}`
    throw new Error(`"${what}" did not end within ${deadlineMs / 1000} s (${where}).`)
  }
  if (killAt !== undefined && dead === undefined) throw new Error(`The control plane was never killed in "${what}".`)
  const { version } = await releases.get(ended.release_id)
  const now = load?.stats() ?? atStart
  const { id, strategy, state, restored, error, error_code: cause, from_release_id: fromReleaseId } = ended
  return {
    id,
    act: before.length + 1,
    what,
    version,
    strategy,
    state,
    expected: ends,
    ...(cause === undefined ? {} : { cause }),
    ...(because === undefined ? {} : { expectedCause: because }),
    ...(later === undefined ? {} : { later }),
    ...(restored === undefined ? {} : { restored }),
    ms: Date.parse(ended.finished_at ?? ended.updated_at) - Date.parse(ended.created_at),
    sent: now.sent - atStart.sent,
    lost: now.lost - atStart.lost,
    ...(error === undefined ? {} : { error }),
    ...(fromReleaseId === undefined ? {} : { fromReleaseId }),
    ...(dead === undefined ? {} : { outage: dead }),
  }
}

function isStep({ type, data }: Event, kind: Step['kind']): boolean {
  return type === 'deploy.progress' && data?.['kind'] === kind
}

function isHoldAt(event: Event, weight: number): boolean {
  const table = event.data?.['table'] as Table | undefined
  return isStep(event, 'hold') && table?.some(row => row.weight === weight) === true
}

/** When the last request was sent that a version answered which one release has and the other has not. Absent when no answer names its version. */
async function lastSentTo(from: Release, to: Release, { load }: Performance): Promise<number | undefined> {
  if (!load) return undefined
  const { sendingMs } = load.stats()
  // Counts are told every 100 ms: those that come now know all that was before.
  const { lastSentAt } = await load.until(stats => stats.sendingMs > sendingMs)
  const times = from.services.flatMap(({ name, image }) => {
    const version = versionOf(image, name)
    const now = to.services.find(service => service.name === name)
    return now && versionOf(now.image, name) === version ? [] : (lastSentAt[name]?.[version] ?? [])
  })
  return times.length === 0 ? undefined : Math.max(...times)
}

/** What comes until the signal is aborted, which is no error here: whoever aborted it says what it means. */
async function* untilAborted<T>(told: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  try {
    yield* told
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
