import { type Event, wire } from '../../src/index.ts'
import type { Stage } from './stage.ts'

/** Writes every event of the log, from its first, as a line of JSON. Disposing of it writes those that were not read yet. */
export function printEvents(stage: Pick<Stage, 'events' | 'listen'>, write: (line: string) => void): AsyncDisposable {
  const end = new AbortController()
  let place = 0
  const print = (event: Event): void => {
    place = event.seq
    write(`${JSON.stringify(wire(event))}\n`)
  }
  const reading = (async () => {
    for await (const event of stage.listen(undefined, end.signal)) print(event)
  })()
  reading.catch((error: unknown) => void error) // because it is thrown by the disposal
  return {
    async [Symbol.asyncDispose]() {
      end.abort()
      await reading
      for (const event of await stage.events({ after: place, limit: 1000 })) print(event)
    },
  }
}
