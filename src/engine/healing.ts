import type { Row } from '../deploy/step.ts'
import type { Replica } from '../provider/provider.ts'
import { type Crashes, isCrashLoop } from './crashes.ts'
import { rowKey } from './difference.ts'

/** How a replica ended. `vanished`: it is not there any more, or left no word of how it ended. */
export type Death =
  | { readonly replica: string; readonly because: 'exited'; readonly exitCode: number }
  | { readonly replica: string; readonly because: 'killed'; readonly signal: number }
  | { readonly replica: string; readonly because: 'vanished' }

/** What is told of an instance that is kept as it is. */
export type Happening =
  /** A replica that had ended has a successor, which is ready. */
  | {
      readonly type: 'instance.healed'
      readonly data: { readonly replica: string; readonly service: string; readonly replaces: Death }
    }
  /** Replicas of a row end again and again; they are started again after longer and longer pauses. Told once. */
  | {
      readonly type: 'instance.crash_looping'
      readonly data: {
        readonly service: string
        readonly revision: string
        readonly exits: number
        readonly last: Death
      }
    }
  /** They do not any more: all of them are ready, and none has ended for a while. */
  | { readonly type: 'instance.recovered'; readonly data: { readonly service: string; readonly revision: string } }

/** Remembers which replicas died and which took their place, so that what became of them can be told: once, and not for every try. */
export class Healing {
  readonly #crashes: Crashes
  readonly #tell: (what: Happening) => void
  /** Row → those that nobody has taken the place of yet, oldest first. */
  readonly #dead = new Map<string, Death[]>()
  /** Name of a replica on its way → whom it replaces. */
  readonly #replacing = new Map<string, Death>()
  readonly #looping = new Set<string>()

  constructor(crashes: Crashes, tell: (what: Happening) => void) {
    this.#crashes = crashes
    this.#tell = tell
  }

  /** Whether nothing is remembered that is still to be told. */
  get idle(): boolean {
    return this.#dead.size === 0 && this.#replacing.size === 0 && this.#looping.size === 0
  }

  /** A replica ended. When it had taken somebody's place and never came to it, both are replaced by the next. */
  died(replica: Replica): void {
    const key = rowKey(replica)
    const dead = this.#dead.get(key) ?? []
    this.#replacing.delete(replica.name)
    this.#dead.set(key, [...dead, deathOf(replica)].slice(-100))
  }

  /** Replicas of a row are started. */
  started(row: Row, names: readonly string[]): void {
    const dead = this.#dead.get(rowKey(row))
    if (!dead) return
    for (const name of names) {
      const death = dead.shift()
      if (death) this.#replacing.set(name, death)
    }
    if (dead.length === 0) this.#dead.delete(rowKey(row))
  }

  /** A replica is ready. */
  ready({ name, service, revision }: Replica): void {
    const replaces = this.#replacing.get(name)
    if (!replaces) return
    this.#replacing.delete(name)
    if (this.#looping.has(rowKey({ service, revision }))) return
    this.#tell({ type: 'instance.healed', data: { replica: name, service, replaces } })
  }

  /** Looks at rows at rest: which of them crash-loop, and which are well again. */
  look(rows: readonly Row[], ready: (row: Row) => number): void {
    const keys = new Set(rows.map(rowKey))
    for (const known of this.#looping) if (!keys.has(known)) this.#looping.delete(known)
    // Nobody takes the place of one that is not missed: its row is gone, or fewer are wanted now.
    const lacking = rows.filter(row => ready(row) < row.replicas).map(rowKey)
    for (const key of this.#dead.keys()) if (!lacking.includes(key)) this.#dead.delete(key)
    for (const name of this.#replacing.keys())
      if (!lacking.some(key => name.startsWith(`${key}.`))) this.#replacing.delete(name)
    for (const row of rows) {
      const key = rowKey(row)
      const { service, revision } = row
      const exits = this.#crashes.count(key)
      if (!this.#looping.has(key)) {
        const last = this.#lastDeath(row)
        if (!last || !isCrashLoop(exits, row)) continue
        this.#looping.add(key)
        this.#tell({ type: 'instance.crash_looping', data: { service, revision, exits, last } })
      } else if (exits === 0 && ready(row) >= row.replicas) {
        this.#looping.delete(key)
        this.#tell({ type: 'instance.recovered', data: { service, revision } })
      }
    }
  }

  #lastDeath(row: Row): Death | undefined {
    const key = rowKey(row)
    const replaced = [...this.#replacing].findLast(([name]) => name.startsWith(`${key}.`))
    return this.#dead.get(key)?.at(-1) ?? replaced?.[1]
  }
}

/** A shell tells a signal as 128 and its number; the process provider tells -1 when nothing was left to tell. */
function deathOf({ name, state, exitCode }: Replica): Death {
  if (state !== 'exited' || exitCode === undefined || exitCode < 0) return { replica: name, because: 'vanished' }
  if (exitCode > 128 && exitCode <= 128 + 64) return { replica: name, because: 'killed', signal: exitCode - 128 }
  return { replica: name, because: 'exited', exitCode }
}
