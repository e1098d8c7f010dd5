/** How long work may go on before whatever else waits gets its turn, ms. */
const sliceMs = 5

/** Makes what does `work` on each thing it is given, in order, and lets traffic pass in between when there are many. */
export function inSlices<T>(work: (one: T) => void): (one: T) => void {
  const waiting: T[] = []
  let at = 0
  let busy = false
  const slice = (): void => {
    const until = performance.now() + sliceMs
    while (at < waiting.length) {
      work(waiting[at++] as T)
      if (performance.now() < until) continue
      setImmediate(slice)
      return
    }
    waiting.length = 0
    at = 0
    busy = false
  }
  return one => {
    waiting.push(one)
    if (busy) return
    busy = true
    slice()
  }
}
