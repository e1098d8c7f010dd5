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
  const healthyAfter = check?.healthyAfter ?? checkDefaults.healthyAfter
  const unhealthyAfter = check ? (check.unhealthyAfter ?? checkDefaults.unhealthyAfter) : 1
  let health: Health = 'unready'
  /** Was ready, and was not seen unready since. */
  let trusted = false
  let successes = 0
  let failures = 0
  /** Failures and unknowns. */
  let misses = 0

  const next = (answer: Health): Health => {
    const patience = trusted ? unhealthyAfter : 1
    switch (answer) {
      case 'ready':
        return trusted || successes >= healthyAfter ? 'ready' : health
      case 'unready':
        return failures >= patience ? 'unready' : health
      case 'unknown':
      default:
        return misses >= patience ? 'unknown' : health
    }
  }

  return {
    get health() {
      return health
    },
    get aboutToBeReady() {
      return health !== 'ready' && (trusted || successes + 1 >= healthyAfter)
    },
    take(answer) {
      if (answer === 'ready') {
        successes++
        failures = 0
        misses = 0
      } else {
        misses++
        if (answer === 'unready') {
          failures++
          successes = 0
        }
      }
      const before = health
      health = next(answer)
      if (health === 'ready') trusted = true
      if (health === 'unready') trusted = false
      return health !== before
    },
  }
}
