/** Makes what lets at most `size` of the things it is given go on at once; the others wait in their order. */
export function turnstile(size: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let taken = 0
  return async run => {
    if (taken >= size) await new Promise<void>(resolve => waiting.push(resolve))
    else taken++
    try {
      return await run()
    } finally {
      // The place is handed on, so nobody who comes now gets ahead of those who wait.
      const next = waiting.shift()
      if (next) next()
      else taken--
    }
  }
}
