import type { AuthProvider, Claims } from '../auth/auth.ts'
import { sees } from '../auth/authorize.ts'
import { type Clock, timestamp } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import { glances, type InstanceGlance, type PulseOf } from '../instance/glance.ts'
import type { Instance } from '../instance/instance.ts'
import type { InstanceStatus } from '../instance/status.ts'
import { type HealthHistory, healthHistory, longestWindowMs } from '../instance/uptime.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import type { Vault } from '../secrets/vault.ts'
import { chartOf, type TrafficChart } from './chart.ts'
import { type Deployment, hasEnded } from './deployment.ts'
import { type Eta, etaOf } from './eta.ts'
import type { InstanceListOptions } from './find.ts'
import type { WatchSpan } from './history.ts'
import { type DeploymentProgress, progressNow } from './progress.ts'
import { notFound } from './refusal.ts'
import type { Run } from './run.ts'
import type { ListOptions, Page } from './store.ts'
import { type Timeline, timelineOf } from './timeline.ts'
import { type TrackedRelease, tracked } from './track-record.ts'
import type { Store } from './work.ts'

/** What a history service is built from. */
export interface HistoryParts {
  readonly store: Store
  readonly auth: AuthProvider
  readonly clock: Clock
  readonly providers: ProviderRegistry
  readonly vault: Vault
  /** What the worker of this process saw of an instance last. */
  readonly pulse: PulseOf
  readonly status: (instance: Instance) => Promise<InstanceStatus>
}

/** What deployments and instances leave behind to look at. */
export interface HistoryService {
  /** Where the time of a deployment went: bars by service and phase, and what happened. */
  timeline(deploymentId: string): Promise<Timeline>
  /** How its traffic was set and what each revision really got, and what its checks found, over time. */
  chart(deploymentId: string): Promise<TrafficChart>
  /** Where a running deployment is, and when it will have ended; empty for one that does not run. */
  progress(deploymentId: string): Promise<Partial<DeploymentProgress> & { readonly eta?: Eta }>
  /** How an instance was, in buckets. `windowMs` is at most 24 hours, the default. Throws `invalid_request`. */
  health(instanceId: string, windowMs?: number): Promise<HealthHistory>
  /** Releases of an instance with what became of each, newest first. */
  releases(instanceId: string, options?: ListOptions): Promise<Page<TrackedRelease>>
  /** Instances with what one line of a list says of each, newest first. */
  instances(options?: InstanceListOptions): Promise<Page<InstanceGlance>>
}

/** Events of one deployment that a timeline shows at most. */
const marksAtMost = 2000
/** A watch that was written of so lately goes on, milliseconds. */
const lastingMs = 15_000

/** A history service that acts for this caller. */
export function historyService(parts: HistoryParts, caller: Claims): HistoryService {
  const { store, auth, clock } = parts
  const tenantId = auth.tenantOf(caller)

  const deployment = async (id: string): Promise<Deployment> => {
    await auth.authorize(caller, 'deploy.read')
    const found = await store.deploys.getDeployment(tenantId, id)
    if (!found || !sees(caller, found.instanceId)) throw notFound('deployment', id)
    return found
  }
  const instance = async (id: string): Promise<Instance> => {
    const found = sees(caller, id) ? await store.instances.get(tenantId, id) : undefined
    if (!found) throw notFound('instance', id)
    return found
  }
  const runOf = async (id: string): Promise<Run> => {
    await deployment(id)
    const run = await store.work.run(id)
    if (!run) throw notFound('deployment', id)
    return run
  }

  return {
    async timeline(id) {
      const run = await runOf(id)
      const now = clock.now()
      const records = await store.work.steps(id)
      const events = await store.events.read({ after: 0, deploymentId: id, limit: marksAtMost })
      const watches = lasting(await store.history.watches(run.deployment.createdAt), now)
      return timelineOf({ run, records, events, watches, now })
    },

    async chart(id) {
      const run = await runOf(id)
      return chartOf(run, await store.work.steps(id), await store.history.samples(id))
    },

    async progress(id) {
      const run = await runOf(id)
      const { deployment: now, plan } = run
      if (now.state !== 'running' || !plan || hasEnded(now.state)) return {}
      const eta = run.undo ? undefined : await etaOf(now, clock.now(), store)
      const last = (await store.history.samples(id)).findLast(sample => sample.shares.length > 0)
      const status = await parts.status(await instance(now.instanceId))
      return { ...progressNow(now, plan, status, last, clock.now()), ...(eta ? { eta } : {}) }
    },

    async health(id, windowMs = longestWindowMs) {
      await auth.authorize(caller, 'instance.read', { instanceId: id })
      await instance(id)
      if (!Number.isInteger(windowMs) || windowMs < 60_000 || windowMs > longestWindowMs) {
        throw new SlipwayError('invalid_request', 'The window of a health history is a minute to 24 hours.', {
          next: 'Ask for `24h`, `1h` or `15m`.',
        })
      }
      const now = clock.now()
      const since = timestamp(now - windowMs)
      const watches = lasting(await store.history.watches(since), now)
      return healthHistory(id, await store.history.spans(id, since), watches, windowMs, now)
    },

    async releases(id, options) {
      await auth.authorize(caller, 'deploy.read')
      const { provider } = await instance(id)
      const page = await store.deploys.listReleases(tenantId, id, options)
      const now = clock.now()
      const items = await tracked(page.items, id, { ...parts, provider: parts.providers.get(provider), now })
      return { ...page, items }
    },

    async instances(options = {}) {
      await auth.authorize(caller, 'instance.read')
      const ids = options.ids?.filter(id => sees(caller, id)) ?? caller.instances
      if (ids?.length === 0) return { items: [], total: 0 }
      const page = await store.instances.list(tenantId, { ...options, ...(ids ? { ids } : {}) })
      return { ...page, items: await glances(page.items, parts) }
    },
  }
}

/** A control plane writes every ten seconds that it watches; in between it does as well. */
function lasting(watches: readonly WatchSpan[], now: number): WatchSpan[] {
  return watches.map(watch =>
    now - Date.parse(watch.until) <= lastingMs ? { ...watch, until: timestamp(now) } : watch,
  )
}
