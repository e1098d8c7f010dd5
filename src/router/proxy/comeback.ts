/** A process that served for so long did not die of how it was started. */
const steadyMs = 2000
const firstDelayMs = 50
const longestDelayMs = 2000

/** How long to wait before a process that died is started again: at once, and longer each time when it dies again and again. */
export interface Comeback {
  /** It serves. */
  served(): void
  /** It is to be started once more: after so many milliseconds. */
  nextMs(): number
  /** How often in a row it died young, or did not come up. */
  readonly failures: number
}

export function comeback(now: () => number = () => performance.now()): Comeback {
  let servingSince: number | undefined
  let failures = -1
  return {
    served: () => {
      servingSince = now()
    },
    nextMs: () => {
      const lived = servingSince === undefined ? 0 : now() - servingSince
      failures = lived >= steadyMs ? 0 : failures + 1
      servingSince = undefined
      return failures < 2 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 2))
    },
    get failures() {
      return Math.max(0, failures)
    },
  }
}
