import { type Event, type Slipway, wire } from '../../src/index.ts'

/** Writes every event of the log, from its first, as a line of JSON. Disposing of it writes those that were not read yet. */
export function printEvents(slipway: Slipway, write: (line: string) => void): AsyncDisposable {
  const end = new AbortController()
  let place = 0
  const print = (event: Event): void => {
    place = event.seq
    write(`${JSON.stringify(wire(event))}\n`)
  }
  const reading = (async () => {
    for await (const event of slipway.bus.watch({ after: 0 }, end.signal)) print(event)
  })()
  reading.catch((error: unknown) => void error) // because it is thrown by the disposal
  return {
    async [Symbol.asyncDispose]() {
      end.abort()
      await reading
      for (const event of await slipway.store.events.read({ after: place, limit: 1000 })) print(event)
    },
  }
}
