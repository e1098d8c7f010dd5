import { checkDefaults, type Health, type HealthCheck } from './check.ts'

/** Turns answers into health: one answer is an opinion, several in a row are a fact. */
export interface Threshold {
  readonly health: Health
  /** Whether one more success makes it ready. */
  readonly aboutToBeReady: boolean
  /** Takes one answer; says whether health changed by it. */
  take(answer: Health): boolean
}

/**
 * Counts answers by the check's thresholds. A replica that was ready stays so until `unhealthyAfter` failures in a row; answers of
 * `unknown` are no failures, but as many of them in a row make its health unknown, and from there one success is enough. Without a
 * check each answer counts at once.
 */
export function threshold(check: HealthCheck | undefined): Threshold {
  return new Counter(check)
}

class Counter implements Threshold {
  readonly #healthyAfter: number
  readonly #unhealthyAfter: number
  health: Health = 'unready'
  /** Was ready, and was not seen unready since. */
  #trusted = false
  #successes = 0
  #failures = 0
  /** Failures and unknowns. */
  #misses = 0

  constructor(check: HealthCheck | undefined) {
    this.#healthyAfter = check?.healthyAfter ?? checkDefaults.healthyAfter
    this.#unhealthyAfter = check ? (check.unhealthyAfter ?? checkDefaults.unhealthyAfter) : 1
  }

  get aboutToBeReady(): boolean {
    return this.health !== 'ready' && (this.#trusted || this.#successes + 1 >= this.#healthyAfter)
  }

  take(answer: Health): boolean {
    this.#count(answer)
    const before = this.health
    this.health = this.#next(answer)
    if (this.health === 'ready') this.#trusted = true
    if (this.health === 'unready') this.#trusted = false
    return this.health !== before
  }

  #count(answer: Health): void {
    if (answer === 'ready') {
      this.#successes++
      this.#failures = 0
      this.#misses = 0
      return
    }
    this.#misses++
    if (answer === 'unknown') return
    this.#failures++
    this.#successes = 0
  }

  #next(answer: Health): Health {
    const patience = this.#trusted ? this.#unhealthyAfter : 1
    switch (answer) {
      case 'ready':
        return this.#trusted || this.#successes >= this.#healthyAfter ? 'ready' : this.health
      case 'unready':
        return this.#failures >= patience ? 'unready' : this.health
      case 'unknown':
      default:
        return this.#misses >= patience ? 'unknown' : this.health
    }
  }
}
