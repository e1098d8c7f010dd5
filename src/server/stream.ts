import type { Context } from 'hono'
import type { ServerEnv } from './context.ts'
import { bytesOf, comment, type Frame, greetingAt } from './frame.ts'

/** How a stream is kept alive, and when it ends. */
export interface StreamOptions {
  readonly beatMs: number
  /** Ends what the frames come from. */
  readonly end: AbortController
  /** Where it begins: told at once, so that a reader who is cut off before the first message comes back to the same place. */
  readonly place?: string
  /** Whether the caller may still listen; asked at every beat. */
  readonly allowed: () => Promise<boolean>
  /** Closes the reader's connection, which ends the stream. Absent: the stream fails. */
  readonly cut?: () => void
}

/** A reader that took nothing for so many beats is let go; it comes back with its `Last-Event-ID`. */
export const stalledBeats = 4

/** Answers with a stream of server-sent events. */
export function streamed(c: Context<ServerEnv>, frames: AsyncIterable<Frame>, options: StreamOptions): Response {
  c.header('Content-Type', 'text/event-stream; charset=utf-8')
  c.header('Cache-Control', 'no-store')
  c.header('X-Accel-Buffering', 'no')
  const { outgoing } = c.env
  const cut = outgoing ? { cut: () => void outgoing.destroy() } : {}
  return c.body(eventStream(frames, { ...options, ...cut }), 200)
}

/**
 * The bytes of a stream. A frame is only made when the reader has taken the one before, so a slow reader costs no memory: it falls behind
 * in the log, where it has a place.
 */
export function eventStream(
  frames: AsyncIterable<Frame>,
  { beatMs, end, place, allowed, cut }: StreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = frames[Symbol.asyncIterator]()
  let beats: NodeJS.Timeout | undefined
  let unread = 0
  const stop = (): void => {
    clearInterval(beats)
    end.abort()
  }
  return new ReadableStream(
    {
      start(controller) {
        controller.enqueue(greetingAt(place))
        const beat = async (): Promise<void> => {
          const taken = (controller.desiredSize ?? 0) > 0
          unread = taken ? 0 : unread + 1
          if (taken) controller.enqueue(comment)
          else if (unread >= stalledBeats) letGo()
          if (!(await allowed())) stop()
        }
        const letGo = (): void => {
          stop()
          if (cut) return cut()
          controller.error(new Error('The reader took nothing for too long.'))
          void source.return?.().catch((error: unknown) => void error) // because nobody is there to be told
        }
        beats = setInterval(() => void beat().catch(stop), beatMs).unref()
      },
      async pull(controller) {
        const { done, value } = await source.next()
        if (!done) {
          controller.enqueue(bytesOf(value))
          return
        }
        stop()
        controller.close()
      },
      async cancel() {
        stop()
        await source.return?.()
      },
    },
    { highWaterMark: 1 },
  )
}
