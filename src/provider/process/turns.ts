/** Does work of the same key one after the other, in the order of asking; work of different keys side by side. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function turns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const earlier = last.get(key) ?? Promise.resolve()
    const mine = earlier.then(work, work) // how the earlier one went is for its caller to hear
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
