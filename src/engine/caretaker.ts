import { type Clock, timestamp } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { keepHealthMs } from '../instance/uptime.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import { inWords, type Room } from '../room.ts'
import { type BatchPace, inBatches } from './batches.ts'

/** How much of what only grows is kept. */
export interface Retention {
  /**
   * An instance can be rolled back to so many of the releases that were active, newest first, and retry deployments of its newest so many
   * releases: these releases and their images are kept. Default 20.
   */
  readonly keepReleases?: number
  /** So many of the newest deployments of each instance are kept, however old. Default 200. */
  readonly keepDeployments?: number
  /**
   * For how long all others are kept after they ended, and releases of which no deployment is left, milliseconds. Default 400 days. The
   * first version stays, and whatever can be gone back to.
   */
  readonly keepDeploymentsMs?: number
  /** An image that nobody needs is kept for so long after it was last resolved or asked for, milliseconds. Default an hour. */
  readonly unusedImageMs?: number
  /** Events in the log. Default 1,000,000. */
  readonly keepEvents?: number
  /** Age of an event, milliseconds. Default 30 days. */
  readonly keepEventsMs?: number
  /** Deployments whose plan, step log and signals are kept. Default 10,000. */
  readonly keepPlans?: number
  /** For how long they are kept after the deployment ended, milliseconds. Default 30 days. */
  readonly keepPlansMs?: number
  /** For how long one-off tasks are kept after they ended, milliseconds. Default 30 days. */
  readonly keepTasksMs?: number
  /** For how long what callers did is kept in the audit log, milliseconds. Default 400 days. */
  readonly keepAuditMs?: number
  /** For how long deliveries of webhooks are kept after they ended, milliseconds. Default 7 days. */
  readonly keepDeliveriesMs?: number
}

const dayMs = 24 * 60 * 60 * 1000

export const retentionDefaults = {
  keepReleases: 20,
  keepDeployments: 200,
  keepDeploymentsMs: 400 * dayMs,
  unusedImageMs: 60 * 60 * 1000,
  keepEvents: 1_000_000,
  keepEventsMs: 30 * dayMs,
  keepPlans: 10_000,
  keepPlansMs: 30 * dayMs,
  keepTasksMs: 30 * dayMs,
  keepAuditMs: 400 * dayMs,
  keepDeliveriesMs: 7 * dayMs,
} as const satisfies Required<Retention>

/** What was thrown away. */
export interface Pruned {
  readonly events: number
  readonly deployments: number
  readonly releases: number
  /** Deployments that lost their plan, steps and signals. */
  readonly plans: number
  /** One-off tasks. */
  readonly tasks: number
  /** Entries of the audit log. */
  readonly audit: number
  /** Deliveries of webhooks. */
  readonly deliveries: number
  /** Digests of the images whose copies went. */
  readonly images: readonly string[]
}

/** Throws away what nobody needs any more, and watches the disk. */
export interface Caretaker {
  /** Does now what is done every ten minutes. */
  prune(): Promise<Pruned>
  stop(): Promise<void>
}

/** What a caretaker works with. */
export interface CaretakerParts {
  readonly store: Store
  readonly providers: ProviderRegistry
  readonly room: Room
  readonly clock: Clock
  readonly log: { info(data: object, text: string): void; warn(data: object, text: string): void }
}

/** How often it is done, and how soon after the start, milliseconds. */
const pruneEveryMs = 10 * 60 * 1000
const firstPruneMs = 60 * 1000
/** How often the disk is looked at, milliseconds. */
const lookEveryMs = 5000
/** The pause after a batch, milliseconds: others have their turn. */
const breathMs = 5

/** Starts a caretaker. What it was about when it is killed is taken up again by the next. */
export function startCaretaker(parts: CaretakerParts, retention: Retention = {}): Caretaker {
  const { store, providers, room, clock, log } = parts
  const policy = { ...retentionDefaults, ...retention }
  const stopped = new AbortController()
  const pace: BatchPace = { now: () => clock.monotonic(), breathe }
  let pruning: Promise<Pruned> | undefined
  /** Whether there was less than the reserve when the disk was last looked at. */
  let wasLow = false

  /** Images first, as they give most room and need none; what can't be done keeps nothing else from being done. */
  async function prune(): Promise<Pruned> {
    const failures: unknown[] = []
    const part = async <T>(act: () => Promise<T>, none: T): Promise<T> => {
      try {
        return await act()
      } catch (error) {
        stopped.signal.throwIfAborted()
        failures.push(error)
        return none
      }
    }
    const images = await part(pruneImages, [])
    const events = await part(pruneEvents, 0)
    const history = await part(pruneHistory, { deployments: 0, releases: 0 })
    const plans = await part(prunePlans, 0)
    const tasks = await part(pruneTasks, 0)
    const audit = await part(pruneAudit, 0)
    const deliveries = await part(pruneDeliveries, 0)
    await part(pruneHealth, 0)
    await part(async () => await store.tidy?.(), undefined)
    if (failures.length > 0) throw failures[0]
    return { events, ...history, plans, deliveries, tasks, audit, images }
  }

  async function pruneEvents(): Promise<number> {
    const cap = { keep: policy.keepEvents, keepMs: policy.keepEventsMs }
    return await inAll(limit => store.events.prune(cap, limit))
  }

  const pruneDeliveries = async () =>
    await pruneOld((before, limit) => store.webhooks.pruneDeliveries(before, limit), policy.keepDeliveriesMs)
  const pruneTasks = async () => await pruneOld((before, limit) => store.tasks.prune(before, limit), policy.keepTasksMs)
  const pruneAudit = async () => await pruneOld((before, limit) => store.audit.prune(before, limit), policy.keepAuditMs)
  const pruneHealth = async () =>
    await pruneOld((before, limit) => store.history.pruneHealth(before, limit), keepHealthMs)

  async function pruneOld(act: Store['audit']['prune'], keepMs: number): Promise<number> {
    const before = timestamp(clock.now() - keepMs)
    return await inAll(limit => act(before, limit))
  }

  /** Until fewer go than were asked for. */
  async function inAll(act: (limit: number) => Promise<number>): Promise<number> {
    let all = 0
    await inBatches(pace, async limit => {
      const gone = await act(limit)
      all += gone
      return gone < limit ? 'done' : 'more'
    })
    return all
  }

  async function prunePlans(): Promise<number> {
    const cap = { keep: policy.keepPlans, keepMs: policy.keepPlansMs }
    let [all, after] = [0, '']
    await inBatches(pace, async limit => {
      const { shrunk, next } = await store.work.shrinkRuns(cap, after, limit)
      all += shrunk
      if (next === undefined) return 'done'
      after = next
      return 'more'
    })
    return all
  }

  async function pruneHistory(): Promise<Pick<Pruned, 'deployments' | 'releases'>> {
    const { keepDeployments: keep, keepDeploymentsMs: keepMs, keepReleases } = policy
    const all = { deployments: 0, releases: 0 }
    let after = ''
    await inBatches(pace, async limit => {
      const { deployments, releases, next } = await store.work.pruneHistory(
        { keep, keepMs, keepReleases },
        after,
        limit,
      )
      all.deployments += deployments
      all.releases += releases
      if (next === undefined) return 'done'
      after = next
      return 'more'
    })
    return all
  }

  async function pruneImages(): Promise<string[]> {
    const keep = new Set<string>()
    for (const id of await store.work.living()) {
      for (const digest of await store.work.images(id, policy.keepReleases)) keep.add(digest)
      await breathe()
    }
    const gone: string[] = []
    for (const provider of providers.list()) {
      gone.push(...((await provider.prune?.(keep, policy.unusedImageMs, stopped.signal)) ?? []))
    }
    if (gone.length > 0) await store.history.notePruned(gone, timestamp(clock.now()))
    return gone
  }

  async function breathe(): Promise<void> {
    await clock.sleep(breathMs, stopped.signal)
  }

  /** One at a time: who asks while one is under way is given that one's result. */
  function once(): Promise<Pruned> {
    pruning ??= prune().finally(() => (pruning = undefined))
    return pruning
  }

  async function repeat(firstMs: number, everyMs: number, what: string, act: () => Promise<unknown>): Promise<void> {
    for (let ms = firstMs; ; ms = everyMs) {
      try {
        await clock.sleep(ms, stopped.signal)
        await act()
      } catch (error) {
        if (stopped.signal.aborted) return
        if (wasLow && isSlipwayError(error, 'disk_full')) continue // told by the look at the disk; a quota is not seen by it
        log.warn({ error: messageOf(error) }, what)
      }
    }
  }

  async function look(): Promise<void> {
    const { folder, freeBytes, reserveBytes } = await room.look()
    const low = freeBytes < reserveBytes
    const data = { folder, freeBytes, reserveBytes }
    const fell = low && !wasLow
    if (fell)
      log.warn(data, `the disk is nearly full (${inWords(freeBytes)} free): new work is refused until there is room`)
    if (!low && wasLow) log.info(data, 'there is room on the disk again')
    wasLow = low
    // While there still is some room: what is in the log gets its place in the file, and the log is free for what goes on.
    if (fell) await store.tidy?.()
  }

  const loops = [
    repeat(firstPruneMs, pruneEveryMs, 'not everything could be pruned', once),
    repeat(0, lookEveryMs, 'the disk could not be looked at', look),
  ]
  return {
    prune: once,
    async stop() {
      stopped.abort()
      await Promise.allSettled([...loops, pruning])
    },
  }
}
