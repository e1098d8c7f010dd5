import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Provider } from '../provider/provider.ts'

/** Exits in a row after which a replica is in a crash loop. */
const crashLoopExits = 3
/** The first pause before a crashed replica is started again, and the longest, milliseconds; it doubles in between. */
export const backoffMs = { first: 100, longest: 30_000 } as const
/** The longest while it is the platform that fails, milliseconds: when it is well again, so is everything on it, soon. */
const longestUnansweredMs = 2000
/** Whether so many exits of a row mean that one of its replicas, at the least, is in a crash loop. */
export function isCrashLoop(exits: number, { replicas }: { readonly replicas: number }): boolean {
  return exits > (crashLoopExits - 1) * replicas
}

/** One that was ready for so long, milliseconds, did not fail because of those before it. */
const wellAfterMs = 10_000
/** How long a row must have been without an exit before its count begins anew, milliseconds. */
const forgetAfterMs = 60_000

interface Record {
  exits: number
  /** Starts that failed since it last was well, one way or the other: what the next pause follows from. */
  failures: number
  lastExitAt: number
  lastExitCode: number | undefined
  retryAt: number
  readySince: boolean
  log: readonly string[]
  /** Replicas that were started because others had failed, by name, and since when they are ready. */
  readonly successors: Map<string, number | undefined>
}

/** Counts how often the replicas of each row died, and how long to wait before the next start. */
export class Crashes {
  readonly #clock: Clock
  readonly #rows = new Map<string, Record>()
  readonly #seen = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A replica was seen to have ended. Each is counted once; says whether it was now. */
  exited(row: string, replica: { readonly id: string; readonly name: string }, exitCode: number | undefined): boolean {
    if (this.#seen.has(replica.id)) return false
    this.#seen.add(replica.id)
    if (this.#seen.size > 1000) this.#seen.delete(this.#seen.values().next().value as string)
    // Many that end at once, as when a machine restarts, are one failure: only what was started since is another.
    const another = this.#isSuccessor(row, replica.name)
    this.#fail(row, exitCode, { counts: true, another })
    return true
  }

  #isSuccessor(row: string, name: string): boolean {
    const { successors } = this.#rows.get(row) ?? {}
    const readyAt = successors?.get(name)
    return (
      successors?.has(name) === true && !(readyAt !== undefined && this.#clock.monotonic() - readyAt >= wellAfterMs)
    )
  }

  /** Replicas of the row were asked for. Those that follow on a failure and fail as well make the pauses longer. */
  started(row: string, names: readonly string[]): void {
    const record = this.#rows.get(row)
    if (record) for (const name of names) record.successors.set(name, undefined)
  }

  /** A start was refused or failed. A platform that does not answer says nothing about the row: then it only waits before the next. */
  startFailed(row: string, how: 'refused' | 'unanswered'): void {
    this.#fail(row, undefined, { counts: how === 'refused', another: true })
  }

  #fail(row: string, exitCode: number | undefined, { counts, another }: { counts: boolean; another: boolean }): void {
    const now = this.#clock.monotonic()
    const last = this.#rows.get(row)
    const before = last && now - last.lastExitAt < forgetAfterMs ? last : undefined
    const failures = before && !another ? before.failures : (before?.failures ?? 0) + 1
    // One that had served is started again at once: it is more likely an accident than a defect.
    const pause =
      failures === 1 && last?.readySince !== false
        ? 0
        : Math.min(counts ? backoffMs.longest : longestUnansweredMs, backoffMs.first * 2 ** (failures - 1))
    this.#rows.set(row, {
      exits: (before?.exits ?? 0) + (counts ? 1 : 0),
      failures,
      lastExitAt: now,
      lastExitCode: exitCode,
      retryAt: before && !another ? before.retryAt : now + pause,
      readySince: before && !another ? before.readySince : false,
      log: last?.log ?? [],
      successors: another ? new Map() : (last?.successors ?? new Map()),
    })
  }

  /** A replica of the row became ready. */
  becameReady(row: string, name: string): void {
    const record = this.#rows.get(row)
    if (!record) return
    record.readySince = true
    if (record.successors.has(name)) record.successors.set(name, this.#clock.monotonic())
  }

  /** Keeps the last lines a dead replica wrote, before its traces are removed. */
  async remember(row: string, provider: Provider, instanceId: string, replicaName: string): Promise<void> {
    const record = this.#rows.get(row)
    if (!record) return
    const lines: string[] = []
    try {
      for await (const line of provider.logs({ instanceId, replicaName, tail: 20 })) lines.push(line.text)
    } catch (error) {
      lines.push(`(its log could not be read: ${messageOf(error)})`)
    }
    if (lines.length > 0) record.log = lines
  }

  /** How often replicas of the row died lately. */
  count(row: string): number {
    const record = this.#rows.get(row)
    return record && this.#clock.monotonic() - record.lastExitAt < forgetAfterMs ? record.exits : 0
  }

  lastExitCode(row: string): number | undefined {
    return this.#rows.get(row)?.lastExitCode
  }

  /** The last lines that a dead replica of the row wrote. */
  log(row: string): readonly string[] {
    return this.#rows.get(row)?.log ?? []
  }

  /** Whether it is too early to start a replica of the row again. */
  backingOff(row: string): boolean {
    const record = this.#rows.get(row)
    return record !== undefined && this.#clock.monotonic() < record.retryAt
  }

  /** Milliseconds until the next row may be started again; infinite when none waits. */
  nextRetryMs(): number {
    const now = this.#clock.monotonic()
    const waits = [...this.#rows.values()].map(record => record.retryAt - now).filter(ms => ms > 0)
    return Math.min(Number.POSITIVE_INFINITY, ...waits)
  }
}
