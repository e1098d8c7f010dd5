import { type Clock, timestamp } from '../clock.ts'
import type { Store } from '../deploy/work.ts'
import { isSlipwayError, messageOf } from '../errors.ts'
import { keepHealthMs } from '../instance/uptime.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import { inWords, type Room } from '../room.ts'

/** How much of what only grows is kept. Deployments and releases themselves are history, and stay. */
export interface Retention {
  /**
   * An instance can be rolled back to so many of the releases that were active, newest first, and retry deployments of its newest so many
   * releases: their images are kept. Default 20.
   */
  readonly keepReleases?: number
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
/** Rows that are looked at in one transaction, and the pause after it, milliseconds: others have their turn. */
const batch = 100
const breathMs = 5

/** Starts a caretaker. What it was about when it is killed is taken up again by the next. */
export function startCaretaker(parts: CaretakerParts, retention: Retention = {}): Caretaker {
  const { store, providers, room, clock, log } = parts
  const policy = { ...retentionDefaults, ...retention }
  const stopped = new AbortController()
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
    const plans = await part(prunePlans, 0)
    const tasks = await part(pruneTasks, 0)
    const audit = await part(pruneAudit, 0)
    const deliveries = await part(pruneDeliveries, 0)
    await part(pruneHealth, undefined)
    await part(async () => await store.tidy?.(), undefined)
    if (failures.length > 0) throw failures[0]
    return { events, plans, deliveries, tasks, audit, images }
  }

  async function pruneEvents(): Promise<number> {
    const cap = { keep: policy.keepEvents, keepMs: policy.keepEventsMs }
    let all = 0
    for (let gone = batch; gone === batch; await breathe()) {
      gone = await store.events.prune(cap, batch)
      all += gone
    }
    return all
  }

  const pruneDeliveries = async () => await pruneOld({ prune: store.webhooks.pruneDeliveries }, policy.keepDeliveriesMs)
  const pruneTasks = async () => await pruneOld(store.tasks, policy.keepTasksMs)
  const pruneAudit = async () => await pruneOld(store.audit, policy.keepAuditMs)

  async function pruneOld(of: Pick<Store['audit'], 'prune'>, keepMs: number): Promise<number> {
    let all = 0
    for (let gone = batch; gone === batch; await breathe()) {
      gone = await of.prune(timestamp(clock.now() - keepMs), batch)
      all += gone
    }
    return all
  }

  async function prunePlans(): Promise<number> {
    const cap = { keep: policy.keepPlans, keepMs: policy.keepPlansMs }
    let all = 0
    for (let after: string | undefined = ''; after !== undefined; await breathe()) {
      const { shrunk, next }: Awaited<ReturnType<Store['work']['shrinkRuns']>> = await store.work.shrinkRuns(
        cap,
        after,
        batch,
      )
      all += shrunk
      after = next
    }
    return all
  }

  async function pruneHealth(): Promise<void> {
    const before = timestamp(clock.now() - keepHealthMs)
    while ((await store.history.pruneHealth(before, batch)) === batch) await breathe()
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
