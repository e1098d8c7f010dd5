import type { Client, Event } from '../../client/index.ts'

/** Writes every event of the log, from its first, as a line of JSON. Disposing of it writes those that were not read yet. */
export function printEvents({ events }: Pick<Client, 'events'>, write: (line: string) => void): AsyncDisposable {
  const end = new AbortController()
  let place = 0
  const print = (event: Event): void => {
    place = event.seq
    write(`${JSON.stringify(event)}\n`)
  }
  const reading = (async () => {
    try {
      for await (const event of events.follow({ after: '0' }, { signal: end.signal })) {
        if (event.type !== 'reset') print(event)
      }
    } catch (error) {
      if (!end.signal.aborted) throw error
    }
  })()
  reading.catch((error: unknown) => void error) // because it is thrown by the disposal
  return {
    async [Symbol.asyncDispose]() {
      end.abort()
      await reading
      const { items } = await events.page({ after: String(place), limit: 200 })
      for (const event of items) print(event)
    },
  }
}
