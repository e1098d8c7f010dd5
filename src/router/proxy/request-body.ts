import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A request's body for one attempt to send it. The client's stream is touched only once the first byte is asked for, so an attempt that
 * failed before leaves it whole for the next; and destroying it (as undici does with a body whose request failed) does not destroy the client's
 * connection.
 */
export function requestBody(req: IncomingMessage, onFirstRead: () => void): Readable {
  let attached = false
  const onData = (chunk: Buffer): void => {
    if (!body.push(chunk)) req.pause()
  }
  const onEnd = (): void => {
    body.push(null)
  }
  const body = new Readable({
    read() {
      if (!attached) {
        attached = true
        onFirstRead()
        req.on('data', onData).on('end', onEnd)
      }
      req.resume()
    },
    destroy(error, done) {
      if (attached) {
        req.off('data', onData).off('end', onEnd)
        // What nobody wants any more is read away, so that the client gets to read our answer.
        if (!req.readableEnded) req.resume()
      }
      done(error)
    },
  })
  return body
}
