import type { Input } from '../world.ts'

/** What a key asks for. */
export type Asked = 'promote' | 'promote all' | 'logs' | 'pause or resume' | 'cancel' | 'detach' | 'interrupt' | 'help'

/** What keys mean. A second `x`, or `y`, is what cancels; any other key after the first takes it back. */
export function keyReader(asked: (what: Asked) => void, doubt: (open: boolean) => void): (typed: string) => void {
  let doubted = false
  return typed => {
    for (const key of typed.startsWith('\x1b') ? [''] : typed) {
      if (doubted) {
        doubted = false
        doubt(false)
        if (key === 'x' || key === 'y') asked('cancel')
        if (key === '\x03') asked('interrupt')
        continue
      }
      if (key === 'x') {
        doubted = true
        doubt(true)
        continue
      }
      const what = meanings.get(key)
      if (what) asked(what)
    }
  }
}

const meanings: ReadonlyMap<string, Asked> = new Map([
  ['p', 'promote'],
  ['P', 'promote all'],
  ['l', 'logs'],
  [' ', 'pause or resume'],
  ['d', 'detach'],
  ['q', 'detach'],
  ['?', 'help'],
  // In raw mode Ctrl-C is a key like any other.
  ['\x03', 'interrupt'],
])

/** Reads single keys of a terminal until it is disposed of, which leaves the terminal as it was. */
export function listen({ stream }: Input, read: (typed: string) => void): { dispose(): void } {
  const heard = (bytes: Buffer | string): void => read(bytes.toString())
  stream.setRawMode?.(true)
  stream.on('data', heard)
  stream.resume()
  return {
    dispose() {
      stream.off('data', heard)
      stream.pause()
      stream.setRawMode?.(false)
    },
  }
}
