import type { ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { ServerEnv } from './context.ts'

/** Where the bytes of a stream go. */
export interface Outlet {
  /** Hands bytes on. Says whether more may come; if not, `ready` tells when. */
  write(bytes: Uint8Array): boolean
  /** Nothing more comes. */
  end(): void
  /** Closes the connection of a reader that does not read. */
  cut(): void
}

/** Whose stream it is. */
export interface OutletOwner {
  /** It can be written to from now on. */
  open(outlet: Outlet): void
  /** The reader has taken what was written. */
  ready(): void
  /** The reader is gone. */
  gone(): void
}

/** Answers with a stream of server-sent events that its owner writes to. */
export function eventStreamOf(c: Context<ServerEnv>, owner: OutletOwner): Response {
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'no-store')
  c.header('X-Accel-Buffering', 'no')
  const { outgoing, takeOver } = c.env
  if (!takeOver)
    return c.body(
      pulled(owner, () => outgoing?.destroy()),
      200,
    )
  takeOver(response => owner.open(written(response, owner)))
  return c.body(null, 200)
}

/** Straight into the connection: a web-standard stream is a chain of promises for every message of every reader. */
function written(response: ServerResponse, owner: OutletOwner): Outlet {
  response.on('drain', () => owner.ready())
  response.on('close', () => owner.gone())
  response.on('error', () => owner.gone())
  return {
    write: bytes => response.write(bytes),
    end: () => void response.end(),
    cut: () => void response.destroy(),
  }
}

/** For whoever mounted the API in a server of another kind. Holds one message at a time. */
function pulled(owner: OutletOwner, destroy: () => unknown): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      start(controller) {
        owner.open({
          write(bytes) {
            controller.enqueue(bytes as Uint8Array<ArrayBuffer>)
            return (controller.desiredSize ?? 0) > 0
          },
          end: () => controller.close(),
          cut() {
            controller.error(new Error('The reader took nothing for too long.'))
            destroy()
          },
        })
      },
      pull: () => owner.ready(),
      cancel: () => owner.gone(),
    },
    { highWaterMark: 1 },
  )
}
