import { isPassing, isShortage, messageOf } from '../errors.ts'
import type { EngineParts } from './context.ts'
import { HealthNotes } from './health-notes.ts'
import type { Keeper } from './keeper.ts'
import { Sampler } from './sampler.ts'

/** How often what was seen is written, milliseconds. */
const everyMs = 1000

/** Notes what there is to look at later: traffic and checks of deployments, health of instances. Nothing waits for it, and nothing is decided by it. */
export class Chronicle {
  readonly samples: Sampler
  readonly health: HealthNotes
  readonly #parts: EngineParts
  readonly #awake: () => Iterable<Keeper>
  #hasTrouble = false

  constructor(
    parts: EngineParts,
    watcher: string,
    keepers: { readonly awake: () => Iterable<Keeper>; readonly get: (instanceId: string) => Keeper | undefined },
  ) {
    this.#parts = parts
    this.#awake = keepers.awake
    this.samples = new Sampler(parts, id => keepers.get(id)?.table)
    this.health = new HealthNotes(parts, watcher)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    await this.#attempt(() => this.samples.begin())
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch((error: unknown) => void error) // because the loop sees its signal
      if (signal.aborted) break
      await this.#attempt(() => this.samples.look())
      await this.#attempt(async () => {
        for (const keeper of this.#awake()) this.health.look(keeper)
        await this.health.write()
      })
    }
    await this.#attempt(() => this.health.beat())
  }

  async #attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act()
      this.#hasTrouble = false
    } catch (error) {
      // A full disk is told of by those who can't do without it; and it stays full for long.
      if (this.#hasTrouble || isShortage(error) || isPassing(error)) return
      this.#hasTrouble = true
      this.#parts.log.warn({ error: messageOf(error) }, 'what there is to look at later could not be noted')
    }
  }
}
