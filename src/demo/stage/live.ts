import { setTimeout as delay } from 'node:timers/promises'
import { type Client, type Event, type Release, type ServiceStatus, SlipwayApiError } from '../../client/index.ts'
import type { Load } from '../load/load.ts'
import { emptyStats, type LoadStats } from '../load/stats.ts'
import type { Screen } from '../screen/screen.ts'
import type { CurrentDeployment, DemoState, FinishedDeployment, RevisionView, ServiceView } from '../screen/state.ts'
import { sharesBetween, trafficBetween } from '../screen/traffic.ts'
import { versionOf } from './images.ts'
import { progressed } from './progress.ts'

/** What is asked of Slipway, again and again. */
interface Looked {
  readonly instances: Pick<Client['instances'], 'services'>
  readonly releases: Pick<Client['releases'], 'get'>
}

/** Keeps the screen up to date while a scenario is performed. */
export interface Live {
  /** A deployment begins. */
  begin(current: Pick<CurrentDeployment, 'act' | 'what' | 'strategy'>): void
  /** An event of the deployment that was begun. */
  tell(event: Event): void
  /** What happens to it that is no event of its own. */
  say(text: string): void
  ended(finished: FinishedDeployment): void
  /** What happens between two deployments. */
  note(text: string): void
  /** Shows the replicas of this instance from now on. */
  watch(client: Looked, instanceId: string): void
  /** Shows what this load sees from now on. */
  measure(load: Load): void
  [Symbol.dispose](): void
}

const drawEveryMs = 200
/** A token has 600 reads a minute. */
const lookEveryMs = 250
/** Rates, shares and latency are those of this many milliseconds. */
const momentMs = 2000

export function startLive(title: string, acts: number, screen: Screen): Live {
  const began = performance.now()
  const finished: FinishedDeployment[] = []
  let current: CurrentDeployment | undefined
  let note: string | undefined
  let load: Load | undefined
  let services: readonly ServiceView[] = []
  let past: readonly LoadStats[] = []

  const state = (): DemoState => {
    const now = load?.stats() ?? emptyStats()
    const before = past[0] ?? now
    return {
      title,
      elapsedMs: performance.now() - began,
      acts,
      services: services.map(service => withShares(service, sharesBetween(before, now, service.name))),
      traffic: trafficBetween(before, now),
      finished: [...finished],
      ...(current ? { current } : {}),
      ...(note === undefined ? {} : { note }),
    }
  }
  const draw = (): void => {
    if (load) past = [...past, load.stats()].slice(-momentMs / drawEveryMs)
    screen.show(state())
  }
  const timer = setInterval(draw, drawEveryMs)
  const end = new AbortController()

  return {
    begin(begun) {
      current = { ...begun, step: 'waits for its turn', stepNumber: 0, stepCount: 0, percent: 0 }
      note = undefined
      screen.show(state())
    },
    tell(event) {
      current = current && progressed(current, event)
      screen.show(state())
    },
    say(text) {
      current = current && { ...current, step: text }
      screen.show(state())
    },
    ended(one) {
      finished.push(one)
      current = undefined
      screen.show(state())
    },
    note(text) {
      note = text
      current = undefined
      screen.show(state())
    },
    watch(client, instanceId) {
      const releases = releasesOf(client)
      const look = async (): Promise<void> => {
        while (!end.signal.aborted) {
          const { items } = await client.instances.services(instanceId, { signal: end.signal })
          services = await servicesOf(items, releases)
          await delay(lookEveryMs, undefined, { signal: end.signal })
        }
      }
      look().catch((error: unknown) => {
        void error // because what ends it is that the instance is gone
        services = []
      })
    },
    measure(started) {
      load = started
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      end.abort()
      screen.close()
    },
  }
}

/** Looks releases up, each that can't change any more only once. */
function releasesOf({ releases }: Looked): (id: string) => Promise<Release | undefined> {
  const known = new Map<string, Release>()
  return async id => {
    const release = known.get(id) ?? (await releases.get(id).catch(notYet))
    if (release?.sealed_at !== undefined) known.set(id, release)
    return release
  }
}

/** Version 1 is recorded when the instance is up; until then its rows name a release that is not there. */
function notYet(error: unknown): undefined {
  if (!(error instanceof SlipwayApiError) || error.code !== 'not_found') throw error
}

async function servicesOf(
  all: readonly ServiceStatus[],
  releaseOf: (id: string) => Promise<Release | undefined>,
): Promise<ServiceView[]> {
  return await Promise.all(
    all.map(async ({ name, image, ports = [], rows, running }) => {
      const revisions = rows.map(async ({ revision, release, replicas: wanted, weight, keep_until }) => {
        const ready = running.filter(replica => replica.revision === revision && replica.health === 'ready').length
        const snapshot = (await releaseOf(release))?.services.find(service => service.name === name)
        const version = versionOf(snapshot?.image ?? image, name)
        return { version, ready, wanted, weight, ...(keep_until === undefined ? {} : { warm: true }) }
      })
      return { name, routed: ports.length > 0, revisions: await Promise.all(revisions) }
    }),
  )
}

function withShares(service: ServiceView, shares: Readonly<Record<string, number>>): ServiceView {
  const revisions = service.revisions.map((revision): RevisionView => {
    const share = shares[revision.version]
    return share === undefined ? revision : { ...revision, share }
  })
  return { ...service, revisions }
}
