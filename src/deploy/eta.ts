import type { Timestamp } from '../clock.ts'
import { timestamp } from '../clock.ts'
import type { DeploymentKind } from './deployment.ts'
import type { Outcome } from './history.ts'
import { humanWaits } from './timeline.ts'
import type { Store } from './work.ts'

/** How many of the last deployments an expectation is made from. */
const basisOf = 5

/** How long something will take, by what the last ones took. Waits for a person are not counted. */
export interface Expectation {
  /** The middle one of `lastMs`. */
  readonly medianMs: number
  readonly basis: string
  /** Newest first. */
  readonly lastMs: readonly number[]
}

/** When a running deployment will have ended. */
export interface Eta extends Expectation {
  /** Absent while it waits for a person. Has passed when it takes longer than the last ones. */
  readonly at?: Timestamp
  /** Of its work; 0 when it takes longer than the last ones. */
  readonly remainingMs: number
}

type Reader = Pick<Store, 'work' | 'events' | 'history'>

/** By the last five of the instance that succeeded with this strategy; undefined when there is none. */
export async function expectation(
  of: { readonly instanceId: string; readonly strategy: string; readonly kind: DeploymentKind },
  store: Reader,
): Promise<Expectation | undefined> {
  const last = await store.history.succeeded(of.instanceId, of.strategy, of.kind, basisOf)
  const lastMs = (await Promise.all(last.map(one => workedMs(one, store)))).filter(ms => ms !== undefined)
  if (lastMs.length === 0) return undefined
  return { medianMs: median(lastMs), basis: `last ${lastMs.length}`, lastMs }
}

/** Counted from its start, its waits for people left out; undefined where nobody knows any more how long those were. */
async function workedMs({ id, startedAt, finishedAt }: Outcome, store: Reader): Promise<number | undefined> {
  if (startedAt === undefined || finishedAt === undefined) return undefined
  const now = Date.parse(finishedAt)
  const waited = await waitedMs(id, now, store)
  return waited && Math.max(0, now - Date.parse(startedAt) - waited.ms)
}

/** When a running deployment will have ended; undefined without a basis. */
export async function etaOf(
  of: {
    readonly id: string
    readonly instanceId: string
    readonly strategy: string
    readonly kind: DeploymentKind
    readonly startedAt?: Timestamp
  },
  now: number,
  store: Reader,
): Promise<Eta | undefined> {
  const expected = of.startedAt === undefined ? undefined : await expectation(of, store)
  const waited = expected && (await waitedMs(of.id, now, store))
  if (!expected || !waited || of.startedAt === undefined) return undefined
  const end = Date.parse(of.startedAt) + waited.ms + expected.medianMs
  return {
    ...expected,
    ...(waited.waits ? {} : { at: timestamp(end) }),
    remainingMs: Math.max(0, end - now),
  }
}

async function waitedMs(
  id: string,
  now: number,
  store: Reader,
): Promise<{ readonly ms: number; readonly waits: boolean } | undefined> {
  const run = await store.work.run(id)
  if (!run?.plan) return undefined
  const records = await store.work.steps(id)
  const types = ['deploy.paused', 'deploy.resumed', 'deploy.undoing'] as const
  const events = await store.events.read({ after: 0, deploymentId: id, types, limit: 1000 })
  return humanWaits({ run, records, events, now })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : Math.round(((sorted[middle - 1] ?? upper) + upper) / 2)
}
