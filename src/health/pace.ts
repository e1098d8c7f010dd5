/** How many probes of ready replicas are sent in a second at most, whatever their intervals say. */
const mostPerSecond = 2000

/** Shares what probes may cost between all probers: with very many, each asks less often, and never all at the same moment. */
export class ProbePace {
  #probers = 0
  #begun = 0

  /** A prober begins. */
  enter(): void {
    this.#probers++
  }

  /** It has ended. */
  leave(): void {
    this.#probers--
  }

  /** How long a ready replica waits for its next probe when its check says `intervalMs`. */
  stretched(intervalMs: number): number {
    return Math.max(intervalMs, (1000 * this.#probers) / mostPerSecond)
  }

  /** The share of its first interval that a prober waits: another one for each, spread evenly. */
  nextPhase(): number {
    this.#begun++
    return (this.#begun * goldenRatio) % 1
  }
}

const goldenRatio = 0.618_033_988_75
