/** How long work may go on before whatever else waits gets its turn, ms. */
const sliceMs = 5

/**
 * Makes what does `work` on each thing it is given, in order, and lets traffic pass in between when there are many, given at once or one by
 * one in the same turn.
 */
export function inSlices<T>(work: (one: T) => void): (one: T) => void {
  const waiting: T[] = []
  let at = 0
  let busy = false
  /** When the slice of this turn is used up; undefined once others had theirs. */
  let until: number | undefined
  const goOn = (): void => {
    if (busy) return
    busy = true
    until ??= begin()
    try {
      while (at < waiting.length && performance.now() < until) work(waiting[at++] as T)
    } finally {
      busy = false
      if (at === waiting.length) waiting.length = at = 0
    }
  }
  const begin = (): number => {
    setImmediate(() => {
      until = undefined
      if (waiting.length > 0) goOn()
    })
    return performance.now() + sliceMs
  }
  return one => {
    waiting.push(one)
    goOn()
  }
}
