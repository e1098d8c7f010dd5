/**
 * Makes what runs `work` for everyone who asks, once for all who ask while it runs: it must begin after they asked, so they get the next run
 * together.
 */
export function nextRun(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const begin = (): Promise<void> => {
    next = undefined
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return async () => {
    if (!running && !next) return begin()
    next ??= (running ?? Promise.resolve()).then(begin, begin)
    return next
  }
}
