import { isSlipwayError, messageOf } from '../errors.ts'
import type { Fence } from '../provider/provider.ts'
import type { Router, RouteTable } from '../router/router.ts'
import type { EngineParts } from './context.ts'

/** How soon a router or a store that did not answer is asked again, milliseconds. */
const retryMs = 1000

type Tables = Awaited<ReturnType<NonNullable<Router['tables']>>>

/**
 * Routes of instances that do not live: a proxy's folder that was put back has them, and nobody would ever come to take them away. Those of
 * deleted instances are forgotten. Those of instances that this store does not know serve on, because it may have gone back itself; but what
 * they hold is given to an instance of ours that is to have it.
 */
export class StrayRoutes {
  readonly #parts: Pick<EngineParts, 'store' | 'router' | 'clock' | 'log'>
  readonly #signal: AbortSignal
  #looking: Promise<void> | undefined
  #again = false

  constructor(parts: Pick<EngineParts, 'store' | 'router' | 'clock' | 'log'>, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** The router may have what it had long ago: what is deleted is forgotten, however often it takes. */
  look(): void {
    this.#again = true
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined
      if (this.#again && !this.#signal.aborted) this.look()
    })
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#looking
  }

  /** A table was refused for what another one holds: forgets those in its way that belong to nobody who lives. Resolves to whether there were any. */
  async makeWay(table: RouteTable, fence: Fence): Promise<boolean> {
    const wanted = claimsOf(table)
    let made = false
    for (const stray of await this.#strays()) {
      const held = await this.#parts.router.observe(stray.instanceId, fence.signal)
      if (!held || claimsOf(held).isDisjointFrom(wanted)) continue
      await this.#forget(stray, fence)
      made = true
    }
    return made
  }

  async #lookAll(): Promise<void> {
    const { store, clock, log } = this.#parts
    while (this.#again && !this.#signal.aborted) {
      this.#again = false
      try {
        for (const stray of await this.#strays()) {
          const record = await store.work.load(stray.instanceId)
          if (record?.instance.state === 'deleted')
            await this.#forget({ ...stray, epoch: Math.max(stray.epoch, record.epoch) }, this.#fence())
          else
            log.warn(
              { instance: stray.instanceId },
              'an instance is routed that the database does not know; it serves on',
            )
        }
      } catch (error) {
        if (this.#signal.aborted) return
        log.warn(
          { error: messageOf(error) },
          'the routes of deleted instances could not be looked at; it is tried again',
        )
        this.#again = true
        await clock.sleep(retryMs, this.#signal).catch((ended: unknown) => void ended) // because the loop sees its signal
      }
    }
  }

  /** What is routed in the name of this store, and is no living instance of it. What is another store's is not ours to judge. */
  async #strays(): Promise<Tables> {
    const { store, router } = this.#parts
    const tables = (await router.tables?.(this.#signal)) ?? []
    // Asked in this order: whatever was created meanwhile is among the living.
    const living = new Set(await store.work.living())
    return tables.filter(({ instanceId, storeId }) => storeId === store.storeId && !living.has(instanceId))
  }

  async #forget(stray: Tables[number], fence: Pick<Fence, 'signal' | 'check'>): Promise<void> {
    const { store, router, log } = this.#parts
    const { instanceId, epoch } = stray
    try {
      await router.forget(instanceId, {
        storeId: store.storeId,
        instanceId,
        epoch,
        signal: fence.signal,
        check: () => fence.check(),
      })
      log.warn({ instance: instanceId }, 'routes were left that belong to nobody; they are removed')
    } catch (error) {
      // A newer table was written meanwhile, by whoever owns it: then it is none of nobody's.
      if (!isSlipwayError(error, 'lease_lost')) throw error
      fence.check()
    }
  }

  /** Nobody works on what is deleted, so nobody has to be kept from it. */
  #fence(): Pick<Fence, 'signal' | 'check'> {
    return { signal: this.#signal, check: () => this.#signal.throwIfAborted() }
  }
}

/** The ports and hosts that a table holds for itself alone. */
function claimsOf({ services }: RouteTable): Set<number | string> {
  return new Set(Object.values(services).flatMap<number | string>(({ port, hosts }) => [port, ...hosts]))
}
