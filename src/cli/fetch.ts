import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Answered } from '../client/index.ts'

const redirects = [301, 302, 303, 307, 308]

/**
 * `fetch` as the client uses it, over `node:http`. The platform's own takes longer to load than all the rest of a short command, and
 * compiles a parser of its own. A token goes nowhere but where it was sent, so a redirect is an error.
 */
export async function fetchByHttp(url: string, init: RequestInit): Promise<Answered> {
  const { method = 'GET', body, signal } = init
  const headers = { 'User-Agent': 'slipway', ...(init.headers as Record<string, string>) }
  // Not by `import`: a namespace has every export at hand, one of `node:http` is a WebSocket, and that loads the platform's fetch.
  const { request } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, { method, headers, ...(signal ? { signal } : {}) })
  sent.on('response', resolve).on('error', reject)
  sent.end(body)
  return answered(await promise)
}

function answered(message: IncomingMessage): Answered {
  const { statusCode: status = 0, headers } = message
  if (redirects.includes(status)) {
    message.destroy()
    throw new Error(`it leads elsewhere, to ${headers.location ?? 'nowhere'}`)
  }
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: { get: name => [headers[name.toLowerCase()] ?? []].flat().join(', ') || null },
    text: () => text(message),
    get body() {
      return Readable.toWeb(message)
    },
  }
}
