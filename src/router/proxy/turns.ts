/** One change of an instance at a time, and none while they are held up. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()
  #frozen: Promise<void> | undefined

  /** Makes `change` when those of the same instance before it have ended, however they did. */
  async take<T>(instanceId: string, change: () => Promise<T>): Promise<T> {
    while (this.#frozen) await this.#frozen
    const turn = (this.#last.get(instanceId) ?? Promise.resolve()).then(change)
    const ended = turn.then(
      () => {},
      () => {},
    )
    this.#last.set(instanceId, ended)
    try {
      return await turn
    } finally {
      if (this.#last.get(instanceId) === ended) this.#last.delete(instanceId)
    }
  }

  /** Waits for the changes under way and holds up further ones. Returns what ends that. */
  async freeze(): Promise<() => void> {
    while (this.#frozen) await this.#frozen
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#frozen = promise
    await Promise.all(this.#last.values())
    return () => {
      this.#frozen = undefined
      resolve()
    }
  }
}
