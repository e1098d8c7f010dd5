/** A moment at which something may break: just before or just after something outside the process was changed. */
export interface FaultPoint {
  /**
   * `before router.apply`, `after commit[work.saveStep,events.append]`. The same in every run of the same work, so a name and how often
   * it has come address a moment.
   */
  readonly name: string
  readonly when: 'before' | 'after'
  /** What the call was given. Of a commit: its writes, as {@link FaultWrite}s. */
  readonly args: readonly unknown[]
}

/** A write that a transaction holds. */
export interface FaultWrite {
  /** `work.saveStep`. */
  readonly call: string
  readonly args: readonly unknown[]
}

/**
 * Told of every fault point as it is passed. What it does happens there and then: it may count, end the process, or throw. One that
 * throws *before* keeps the call from being made, or the transaction from being committed; one that throws *after* makes the caller
 * believe that it failed.
 */
export type FaultHook = (point: FaultPoint) => void

/** Makes a call between its two points. A call that fails has no second one: what comes next is a point itself. */
export async function between<T>(
  call: string,
  args: readonly unknown[],
  hook: FaultHook,
  make: () => Promise<T> | T,
): Promise<T> {
  hook({ name: `before ${call}`, when: 'before', args })
  const answer = await make()
  hook({ name: `after ${call}`, when: 'after', args })
  return answer
}
