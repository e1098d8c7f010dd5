import type { Deployment, DeploymentState, ErrorCode, Event, Step, Table } from '../../src/index.ts'
import type { FinishedDeployment } from '../demo/state.ts'
import type { Load } from '../load/load.ts'
import { emptyStats } from '../load/stats.ts'
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
  /** Of a rollback: from the call to the last request that was routed to what it replaced, milliseconds. */
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
  const { stage, instanceId } = on
  if (act.kind === 'deploy') {
    const { strategy, options = {}, images } = act
    const services = Object.entries(images).map(([name, image]) => ({ name, image: on.image(image) }))
    return await follow(act, await stage.deploy({ instanceId, services, strategy, options }), on)
  }
  const releaseId = on.before.at(-1)?.fromReleaseId
  if (releaseId === undefined) throw new Error(`There is nothing to roll back to in "${act.what}".`)
  const { table } = await stage.status(instanceId)
  const calledAt = Date.now()
  const performed = await follow(act, await stage.rollback({ instanceId, releaseId }), on)
  return { ...performed, rollbackMs: Math.max(0, (await lastRoutedTo(table, on)) - calledAt) }
}

/** Waits for the end of a deployment that was begun. */
export async function follow(
  { what, ends, because, later, cancelAt, killAt }: Plot,
  begun: Deployment,
  { stage, load, before, signal, live }: Pick<Performance, 'stage' | 'load' | 'before' | 'signal' | 'live'>,
): Promise<Performed> {
  const atStart = load?.stats() ?? emptyStats()
  const deadline = AbortSignal.timeout(deadlineMs)
  let holding = false
  let dead: Outage | undefined
  for await (const event of stage.listen(begun.id, AbortSignal.any([signal, deadline]))) {
    live.tell(event)
    if (killAt !== undefined && dead === undefined && isStep(event, killAt)) {
      live.say('the control plane is killed; what it started serves on')
      dead = await outage(stage, load, AbortSignal.any([signal, deadline]))
      live.say(`the control plane is back; ${dead.answered} requests were answered in ${dead.ms} ms without it`)
    }
    if (cancelAt === undefined || holding || !isHoldAt(event, cancelAt)) continue
    holding = true
    await stage.cancel(begun.id)
  }
  signal.throwIfAborted()
  const ended = await stage.getDeployment(begun.id)
  if (deadline.aborted) {
    const where = `${ended.state}, step ${ended.step} of ${ended.stepCount}: ${ended.reason?.text ?? ''}`
    throw new Error(`"${what}" did not end within ${deadlineMs / 1000} s (${where}).`)
  }
  if (killAt !== undefined && dead === undefined) throw new Error(`The control plane was never killed in "${what}".`)
  const { version } = await stage.getRelease(ended.releaseId)
  const now = load?.stats() ?? atStart
  const { id, strategy, state, restored, error, errorCode, fromReleaseId } = ended
  return {
    id,
    act: before.length + 1,
    what,
    version,
    strategy,
    state,
    expected: ends,
    ...(errorCode === undefined ? {} : { cause: errorCode }),
    ...(because === undefined ? {} : { expectedCause: because }),
    ...(later === undefined ? {} : { later }),
    ...(restored === undefined ? {} : { restored }),
    ms: Date.parse(ended.finishedAt ?? ended.updatedAt) - Date.parse(ended.createdAt),
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

/** When the last request was given to what had traffic in this table and has none now. Throws when it never got any: nothing was shown then. */
async function lastRoutedTo(before: Table, { stage, instanceId }: Performance): Promise<number> {
  const { table } = await stage.status(instanceId)
  const serves = (rows: Table, service: string, revision: string): boolean =>
    rows.some(row => row.service === service && row.revision === revision && row.weight > 0)
  const times = (await stage.traffic(instanceId))
    .filter(({ service, revision }) => serves(before, service, revision) && !serves(table, service, revision))
    .flatMap(({ lastRoutedAt }) => lastRoutedAt ?? [])
  if (times.length === 0) throw new Error('No request was ever routed to what the rollback replaced.')
  return Math.max(...times)
}
