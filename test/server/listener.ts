import { once } from 'node:events'
import { connect } from 'node:net'
import type { Json } from './world.ts'

/** One message of a stream. */
export interface Message {
  readonly id?: string
  readonly event: string
  readonly data: Json
}

/** A stream that is listened to. */
export interface Listener {
  readonly status: number
  /** The next message; undefined when the stream has ended. */
  next(): Promise<Message | undefined>
  /** Messages up to the first that is so. Throws when the stream ends before. */
  until(is: (message: Message) => boolean): Promise<Message[]>
  /** Comments so far. */
  comments(): number
  /** Cuts the connection. */
  cut(): void
}

/** Opens a stream as a client does that has nothing but fetch. Gives up after `limitMs` without a message. */
export async function listenTo(
  url: string,
  headers: Readonly<Record<string, string>>,
  limitMs = 60_000,
): Promise<Listener> {
  const cut = new AbortController()
  const answer = await fetch(url, { headers, signal: cut.signal })
  const chunks = answer.body?.pipeThrough(new TextDecoderStream() as never)[Symbol.asyncIterator]() as
    | AsyncIterator<string>
    | undefined
  let text = ''
  let comments = 0
  const listener: Listener = {
    status: answer.status,
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          if (block.startsWith(':')) comments++
          else if (!block.startsWith('retry:')) return messageOf(block)
          continue
        }
        const late = setTimeout(() => cut.abort(new Error(`no message within ${limitMs} ms`)), limitMs)
        try {
          const chunk = await chunks?.next()
          if (!chunk || chunk.done) return undefined
          text += chunk.value
        } finally {
          clearTimeout(late)
        }
      }
    },
    async until(is) {
      const heard: Message[] = []
      for (;;) {
        const message = await listener.next()
        if (!message) throw new Error(`The stream ended after ${JSON.stringify(heard)}`)
        heard.push(message)
        if (is(message)) return heard
      }
    },
    comments: () => comments,
    cut: () => cut.abort(),
  }
  return listener
}

/** Opens a stream and reads not a byte of it; a byte sent now and then tells when the other side has closed the connection. */
export async function openDeaf(
  url: string,
  token: string,
): Promise<{ readonly closed: Promise<void>; destroy(): void }> {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.pause()
  await once(socket, 'connect')
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  const knock = setInterval(() => socket.write('\r\n'), 50)
  const closed = new Promise<void>(resolve => {
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
  }).finally(() => clearInterval(knock))
  const destroy = (): void => {
    clearInterval(knock)
    socket.destroy()
  }
  return { closed, destroy }
}

function messageOf(block: string): Message {
  const fields = new Map(
    block.split('\n').map(line => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)] as const
    }),
  )
  const id = fields.get('id')
  return {
    ...(id === undefined ? {} : { id }),
    event: fields.get('event') ?? 'message',
    data: JSON.parse(fields.get('data') ?? 'null'),
  }
}
