/** Lets rounds run one at a time. Calls that come while one is under way share the next, for it may have looked before they came. */
export class Rounds {
  readonly #round: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(round: () => Promise<void>) {
    this.#round = round
  }

  /** Resolves when a round that began after the call is over, or rejects as it does. */
  async run(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#round().finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    this.#next ??= this.#running
      .catch(error => void error /* whoever began that round is told */)
      .then(() => {
        this.#next = undefined
        return this.run()
      })
    return this.#next
  }
}
