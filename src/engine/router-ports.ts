import type { Store } from '../deploy/work.ts'
import { isSlipwayError } from '../errors.ts'
import type { Router } from '../router/router.ts'
import { addressesOf } from './revisions.ts'

/**
 * Reserves ports of the router, one after the other: instances that come up together would each be offered the same one, and all but one
 * of them in vain. What is taken is read once and kept count of; what was given back meanwhile is found when nothing else is left.
 */
export class RouterPorts {
  readonly #store: Store
  readonly #router: Pick<Router, 'allocatePort'>
  #taken: Set<number> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(store: Store, router: Pick<Router, 'allocatePort'>) {
    this.#store = store
    this.#router = router
  }

  /** Reserves a free port for a service of an instance, and notes it with the instance, unless it has one. */
  async reserve(service: string, instanceId: string): Promise<void> {
    for (;;) {
      const port = await this.#offer()
      if (await this.#note(port, service, instanceId)) return
    }
  }

  /** A port that nobody has, nor is offered. */
  async #offer(): Promise<number> {
    const former = this.#last
    const turn = Promise.withResolvers<void>()
    this.#last = turn.promise
    await former
    try {
      this.#taken ??= await this.#store.work.takenPorts()
      const port = await this.#allocate(this.#taken)
      this.#taken.add(port)
      return port
    } finally {
      turn.resolve()
    }
  }

  async #allocate(taken: ReadonlySet<number>): Promise<number> {
    try {
      return await this.#router.allocatePort(taken)
    } catch (error) {
      if (!isSlipwayError(error, 'ports_exhausted')) throw error
      this.#taken = await this.#store.work.takenPorts()
      return await this.#router.allocatePort(this.#taken)
    }
  }

  async #note(port: number, service: string, instanceId: string): Promise<boolean> {
    return await this.#store.transaction(async tx => {
      const record = await tx.work.load(instanceId)
      if (!record || record.ports[service] !== undefined) return true
      if (!(await tx.work.reservePort(port, instanceId, `route:${service}`))) return false
      const ports = { ...record.ports, [service]: port }
      await tx.work.patch(instanceId, { ports })
      await tx.instances.update(instanceId, { urls: addressesOf(ports) })
      return true
    })
  }
}
